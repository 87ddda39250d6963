"""Linear regression, from scratch and with PyTorch's layers, with and without weight decay."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from multilayer.book.hyperparameters import HyperParameters
from multilayer.book.module import Module


class SGD(HyperParameters):
    """Stochastic gradient descent: each step moves every parameter against its gradient.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> (3 * w).sum().backward()
        >>> d2l.SGD([w], lr=0.1).step()
        >>> w.detach()
        tensor([0.7000])
    """

    lr: float

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        """Choose what to move and how far.

        Args:
            params: the tensors to train.
            lr: the learning rate.
        """
        self.save_hyperparameters()
        self.params = list(params)

    def step(self) -> None:
        """Subtract `lr` times the gradient from each parameter that has one."""
        with torch.no_grad():
            for param in self.params:
                if param.grad is not None:
                    param -= self.lr * param.grad

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


class LinearRegressionScratch(Module):
    """y = Xw + b with half the mean squared error, from scratch.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.LinearRegressionScratch(num_inputs=2, lr=0.03)
        >>> model.w.shape, model.b.shape
        (torch.Size([2, 1]), torch.Size([1]))
    """

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01) -> None:
        """Draw the weights from N(0, sigma²); the bias is 0."""
        super().__init__()
        self.save_hyperparameters()
        self.w = nn.Parameter(torch.normal(0, sigma, (num_inputs, 1)))
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        """Return predictions (batch, 1) for inputs (batch, num_inputs)."""
        return torch.matmul(X, self.w) + self.b

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return half the mean squared difference."""
        return ((y_hat - y) ** 2 / 2).mean()

    def configure_optimizers(self) -> SGD:
        """Return SGD, from scratch too."""
        return SGD([self.w, self.b], self.lr)

    def get_w_b(self) -> tuple[Tensor, Tensor]:
        """Return the weights (num_inputs, 1) and the bias (1,), without gradients."""
        return self.w.data, self.b.data


class LinearRegression(Module):
    """y = Xw + b with the mean squared error, with PyTorch's layer.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> w = torch.tensor([2.0, -3.4])
        >>> data = d2l.SyntheticRegressionData(w, b=4.2, num_train=64, num_val=16)
        >>> model = d2l.LinearRegression(lr=0.1)
        >>> model(data.X).shape
        torch.Size([80, 1])
    """

    net: nn.Linear

    def __init__(self, lr: float) -> None:
        """Make a layer that learns the number of its inputs from the first batch."""
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.LazyLinear(1)

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared difference."""
        return functional.mse_loss(y_hat, y)

    def get_w_b(self) -> tuple[Tensor, Tensor]:
        """Return the weights (1, num_inputs) and the bias (1,), without gradients."""
        return self.net.weight.data, self.net.bias.data


def l2_penalty(w: Tensor) -> Tensor:
    """Return half the sum of the squared weights.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> d2l.l2_penalty(torch.tensor([3.0, 4.0]))
        tensor(12.5000)
    """
    return (w**2).sum() / 2


class WeightDecayScratch(LinearRegressionScratch):
    """Linear regression whose loss holds `lambd` times the weights' penalty.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.WeightDecayScratch(num_inputs=2, lambd=3, lr=0.01)
        >>> loss = model.loss(torch.zeros(1, 1), torch.zeros(1, 1))
        >>> torch.equal(loss, 3 * d2l.l2_penalty(model.w))
        True
    """

    lambd: float

    def __init__(self, num_inputs: int, lambd: float, lr: float, sigma: float = 0.01) -> None:
        super().__init__(num_inputs, lr, sigma)
        self.save_hyperparameters()

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return half the mean squared difference plus the penalty; the bias is free of it."""
        return super().loss(y_hat, y) + self.lambd * l2_penalty(self.w)


class WeightDecay(LinearRegression):
    """Linear regression whose optimiser shrinks the weights by `wd`, but not the bias.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.WeightDecay(wd=3, lr=0.01)
        >>> optimizer = model.configure_optimizers()
        >>> [group["weight_decay"] for group in optimizer.param_groups]
        [3, 0]
    """

    wd: float

    def __init__(self, wd: float, lr: float) -> None:
        super().__init__(lr)
        self.save_hyperparameters()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return SGD with weight decay on the weights alone."""
        groups: list[dict[str, Any]] = [
            {"params": [self.net.weight], "weight_decay": self.wd},
            {"params": [self.net.bias]},
        ]
        return torch.optim.SGD(groups, lr=self.lr)
