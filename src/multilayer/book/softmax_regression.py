"""Softmax regression: a classifier with a single layer, from scratch and with PyTorch's."""

import torch
from torch import Tensor, nn

from multilayer.book.module import Classifier


def softmax(X: Tensor) -> Tensor:
    """Turn each row of logits, (batch, num_classes), into probabilities.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> d2l.softmax(torch.zeros(1, 4))
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    largest = X.max(dim=1, keepdim=True).values
    exponentials = torch.exp(X - largest)  # the difference keeps exp from overflowing
    return exponentials / exponentials.sum(dim=1, keepdim=True)


def cross_entropy(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the mean of −log of the probability that `y_hat` gives to the right class.

    Args:
        y_hat: probabilities, (batch, num_classes).
        y: the right classes' numbers, (batch,).

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> y_hat = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
        >>> d2l.cross_entropy(y_hat, torch.tensor([0, 2]))
        tensor(1.4979)
    """
    return -torch.log(y_hat[range(len(y_hat)), y]).mean()


class SoftmaxRegressionScratch(Classifier):
    """softmax(XW + b), from scratch; its outputs are probabilities.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.SoftmaxRegressionScratch(num_inputs=784, num_outputs=10, lr=0.1)
        >>> probabilities = model(torch.zeros(2, 1, 28, 28)).detach()
        >>> probabilities.shape, torch.allclose(probabilities.sum(1), torch.ones(2))
        (torch.Size([2, 10]), True)
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01) -> None:
        """Draw the weights from N(0, sigma²); the biases are 0."""
        super().__init__()
        self.save_hyperparameters()
        self.W = nn.Parameter(torch.normal(0, sigma, (num_inputs, num_outputs)))
        self.b = nn.Parameter(torch.zeros(num_outputs))

    def forward(self, X: Tensor) -> Tensor:
        """Return probabilities (batch, num_outputs) for inputs of num_inputs numbers each."""
        X = X.reshape(-1, len(self.W))
        return softmax(torch.matmul(X, self.W) + self.b)

    def loss(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """Return the cross entropy of probabilities (batch, num_outputs), in nats."""
        losses = -torch.log(Y_hat[range(len(Y_hat)), Y])
        return losses.mean() if averaged else losses


class SoftmaxRegression(Classifier):
    """The same with PyTorch's layer; its outputs are logits.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.SoftmaxRegression(num_outputs=10, lr=0.1)
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self, num_outputs: int, lr: float) -> None:
        """Make a layer that learns the number of its inputs from the first batch."""
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_outputs))
