"""What is minimised: losses with their gradients, fused.

A loss is the mean over the rows of a batch, one number for each member of the population.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

_aten = torch.ops.aten


class Loss(Protocol):
    """The loss of a batch and its gradient, in buffers that the next call overwrites."""

    def __call__(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (num_members,) and ∂loss/∂logits (num_members, batch, num_outputs)."""

    def value(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss (num_members,) alone."""


class CrossEntropy:
    """−log softmax(logits)[target], natural logarithm.

    Its gradient is (softmax(logits) − one-hot(target)) / batch.

    Targets are class numbers, int64, (batch,).
    """

    def __init__(self) -> None:
        self._buffers: dict[torch.Size, tuple[Tensor, Tensor]] = {}

    def __call__(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        if logits.shape not in self._buffers:
            self._buffers[logits.shape] = torch.empty_like(logits), torch.empty_like(logits)
        log_probabilities, gradient = self._buffers[logits.shape]
        num_members, batch_size, _ = logits.shape
        columns = targets.view(1, -1, 1).expand(num_members, -1, 1)
        _aten._log_softmax.out(logits, -1, False, out=log_probabilities)
        loss = log_probabilities.gather(-1, columns).sum(dim=(1, 2)).div_(-batch_size)
        torch.exp(log_probabilities, out=gradient)
        gradient.scatter_add_(-1, columns, logits.new_full((), -1.0).expand_as(columns))
        return loss, gradient.div_(batch_size)

    def value(self, logits: Tensor, targets: Tensor) -> Tensor:
        """See `Loss`."""
        columns = targets.view(1, -1, 1).expand(len(logits), -1, 1)
        return -logits.log_softmax(-1).gather(-1, columns).mean(dim=(1, 2))


class SquaredError:
    """(output − target)², the mean over rows and outputs, as torch.nn.MSELoss has it.

    Its gradient is 2 (output − target) / (batch × num_outputs).

    Targets are numbers, (batch, num_outputs).
    """

    def __call__(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        difference = logits - targets
        loss = difference.square().mean(dim=(1, 2))
        return loss, difference.mul_(2 / targets.numel())

    def value(self, logits: Tensor, targets: Tensor) -> Tensor:
        """See `Loss`."""
        return (logits - targets).square().mean(dim=(1, 2))


LOSSES: dict[str, Callable[[], Loss]] = {
    "cross_entropy": CrossEntropy,
    "squared_error": SquaredError,
}
