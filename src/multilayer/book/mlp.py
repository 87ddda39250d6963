"""Multilayer perceptrons, from scratch and with PyTorch's layers, with and without dropout."""

import torch
from torch import Tensor, nn

from multilayer.book.module import Classifier
from multilayer.errors import SettingsError


def relu(X: Tensor) -> Tensor:
    """Return the larger of each element and 0.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> d2l.relu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])
    """
    return torch.max(X, torch.zeros_like(X))


class MLPScratch(Classifier):
    """One hidden layer: relu(XW1 + b1)W2 + b2, from scratch.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.MLPScratch(num_inputs=784, num_outputs=10, num_hiddens=256, lr=0.1)
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    num_inputs: int

    def __init__(
        self, num_inputs: int, num_outputs: int, num_hiddens: int, lr: float, sigma: float = 0.01
    ) -> None:
        """Draw the weights from N(0, sigma²); the biases are 0."""
        super().__init__()
        self.save_hyperparameters()
        self.W1 = nn.Parameter(torch.randn(num_inputs, num_hiddens) * sigma)
        self.b1 = nn.Parameter(torch.zeros(num_hiddens))
        self.W2 = nn.Parameter(torch.randn(num_hiddens, num_outputs) * sigma)
        self.b2 = nn.Parameter(torch.zeros(num_outputs))

    def forward(self, X: Tensor) -> Tensor:
        """Return logits (batch, num_outputs) for inputs of num_inputs numbers each."""
        X = X.reshape(-1, self.num_inputs)
        H = relu(torch.matmul(X, self.W1) + self.b1)
        return torch.matmul(H, self.W2) + self.b2


class MLP(Classifier):
    """One hidden layer of `num_hiddens` units, with PyTorch's layers.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.MLP(num_outputs=10, num_hiddens=256, lr=0.1)
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self, num_outputs: int, num_hiddens: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
        )


def dropout_layer(X: Tensor, dropout: float) -> Tensor:
    """Set each element to 0 with probability `dropout` and divide the others by 1 − dropout.

    The expected value of every element stays what it was.

    Raises:
        SettingsError: `dropout` is not between 0 and 1.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> d2l.dropout_layer(torch.ones(2, 3), dropout=1.0)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
        >>> sorted(set(d2l.dropout_layer(torch.ones(1000), dropout=0.5).tolist()))
        [0.0, 2.0]
    """
    if not 0 <= dropout <= 1:
        raise SettingsError(f"dropout is {dropout}; it must be between 0 and 1")
    if dropout == 0:
        return X
    if dropout == 1:
        return torch.zeros_like(X)
    kept = (torch.rand_like(X) > dropout).to(X.dtype)
    return kept * X / (1 - dropout)


class DropoutMLPScratch(Classifier):
    """Two hidden layers, each followed by dropout while training, from scratch.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.DropoutMLPScratch(
        ...     num_outputs=10, num_hiddens_1=64, num_hiddens_2=32, dropout_1=0.5, dropout_2=0.5,
        ...     lr=0.1,
        ... )
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    dropout_1: float
    dropout_2: float

    def __init__(
        self,
        num_outputs: int,
        num_hiddens_1: int,
        num_hiddens_2: int,
        dropout_1: float,
        dropout_2: float,
        lr: float,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lin1 = nn.LazyLinear(num_hiddens_1)
        self.lin2 = nn.LazyLinear(num_hiddens_2)
        self.lin3 = nn.LazyLinear(num_outputs)

    def forward(self, X: Tensor) -> Tensor:
        """Return logits (batch, num_outputs) for inputs (batch, …)."""
        H1 = relu(self.lin1(X.flatten(start_dim=1)))
        if self.training:
            H1 = dropout_layer(H1, self.dropout_1)
        H2 = relu(self.lin2(H1))
        if self.training:
            H2 = dropout_layer(H2, self.dropout_2)
        logits: Tensor = self.lin3(H2)
        return logits


class DropoutMLP(Classifier):
    """Two hidden layers, each followed by dropout while training, with PyTorch's layers.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.DropoutMLP(
        ...     num_outputs=10, num_hiddens_1=64, num_hiddens_2=32, dropout_1=0.5, dropout_2=0.5,
        ...     lr=0.1,
        ... )
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        num_outputs: int,
        num_hiddens_1: int,
        num_hiddens_2: int,
        dropout_1: float,
        dropout_2: float,
        lr: float,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.LazyLinear(num_hiddens_1),
            nn.ReLU(),
            nn.Dropout(dropout_1),
            nn.LazyLinear(num_hiddens_2),
            nn.ReLU(),
            nn.Dropout(dropout_2),
            nn.LazyLinear(num_outputs),
        )
