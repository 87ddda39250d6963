"""What is minimised: losses with their gradients, fused.

A loss is the mean over the rows of a batch, Σ w loss / Σ w where rows have weights w. It is one
number for each member of the population.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

_aten = torch.ops.aten


class Loss(Protocol):
    """A loss and its gradient, in buffers that the next batch of the same shape overwrites.

    Targets and weights have a leading dimension of 1 where all members share them.
    """

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Loss and gradient.

        Args:
            logits: (num_members, batch, num_outputs).
            targets: (1 or num_members, batch) classes, or (…, batch, num_outputs) numbers.
            weights: (1 or num_members, batch), not negative.

        Returns:
            Loss (num_members,), ∂loss/∂logits (num_members, batch, num_outputs).
        """

    def value(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss (num_members,) alone."""


class CrossEntropy:
    """−log softmax(logits)[target], natural logarithm.

    Its gradient is w (softmax(logits) − one-hot(target)) / Σ w.
    """

    def __init__(self) -> None:
        self._buffers: dict[torch.Size, tuple[Tensor, ...]] = {}

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        num_members, batch_size, _ = logits.shape
        if logits.shape not in self._buffers:
            picked = logits.new_empty(num_members, batch_size, 1)
            self._buffers[logits.shape] = (
                torch.empty_like(logits), torch.empty_like(logits), picked,
                torch.full_like(picked, -1), logits.new_empty(num_members, 1),
            )  # fmt: skip
        log_probabilities, gradient, picked, minus_ones, loss = self._buffers[logits.shape]
        columns = targets.unsqueeze(-1).expand(num_members, -1, 1)
        _aten._log_softmax.out(logits, -1, False, out=log_probabilities)
        torch.gather(log_probabilities, -1, columns, out=picked)
        torch.exp(log_probabilities, out=gradient)
        gradient.scatter_add_(-1, columns, minus_ones)
        if weights is None:
            torch.mean(picked, dim=1, out=loss)
            gradient.mul_(1 / batch_size)
            return loss.neg_().view(num_members), gradient
        shares = _shares(weights).unsqueeze(-1)
        return picked.mul_(shares).sum(dim=(1, 2)).neg_(), gradient.mul_(shares)

    def value(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """See `Loss`."""
        columns = targets.unsqueeze(-1).expand(len(logits), -1, 1)
        return _mean(-logits.log_softmax(-1).gather(-1, columns), weights)


class SquaredError:
    """(output − target)², the mean over outputs, as torch.nn.MSELoss has it.

    Its gradient is 2 w (output − target) / (Σ w × num_outputs).
    """

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        difference = logits - targets
        loss = _mean(difference.square(), weights)
        _, batch_size, num_outputs = logits.shape
        if weights is None:
            return loss, difference.mul_(2 / (batch_size * num_outputs))
        shares = _shares(weights).unsqueeze(-1)
        return loss, difference.mul_(shares).mul_(2 / num_outputs)

    def value(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """See `Loss`."""
        return _mean((logits - targets).square(), weights)


def _mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    """(num_members, batch, outputs) to (num_members,)."""
    of_rows = losses.mean(-1)
    if weights is None:
        return of_rows.mean(-1)
    return (of_rows * _shares(weights)).sum(-1)


def _shares(weights: Tensor) -> Tensor:
    """Each row's part of all weights, (…, batch); a batch in which no row counts has only zeros."""
    total = weights.sum(-1, keepdim=True)
    return weights / torch.where(total == 0, 1, total)


LOSSES: dict[str, Callable[[], Loss]] = {
    "cross_entropy": CrossEntropy,
    "squared_error": SquaredError,
}
