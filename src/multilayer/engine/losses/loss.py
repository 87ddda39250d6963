"""What a loss is, and the mean over rows that all share."""

from typing import Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """A loss and its gradient, in buffers that the next batch of the same shape overwrites.

    It is the mean over the rows of a batch, Σ w loss / Σ w where rows have weights w: one number
    for each member. Targets and weights have a leading dimension of 1 where all members share
    them.
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


def mean_over_rows(losses: Tensor, weights: Tensor | None) -> Tensor:
    """(num_members, batch, outputs) to (num_members,): alike over outputs, by weight over rows."""
    of_rows = losses.mean(-1)
    if weights is None:
        return of_rows.mean(-1)
    return (of_rows * shares_of_rows(weights)).sum(-1)


def shares_of_rows(weights: Tensor) -> Tensor:
    """Each row's part of all weights, (…, batch); a batch in which no row counts has only zeros."""
    total = weights.sum(-1, keepdim=True)
    return weights / torch.where(total == 0, 1, total)
