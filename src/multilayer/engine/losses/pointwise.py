"""Losses that look at each output on its own: of numbers, counts, and labels there or not.

Each is the mean over outputs and rows of l(y, t), y an output and t its target.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from multilayer.engine.losses.loss import mean_over_rows, shares_of_rows


class _Pointwise(Protocol):
    """l and its derivative by the output, element by element."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y."""


class PointwiseLoss:
    """A loss that is the mean over all outputs.

    Its gradient is w ∂l/∂y / (Σ w × num_outputs).
    """

    def __init__(self, point: _Pointwise) -> None:
        self._point = point

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        gradient = self._point.slope(logits, targets)
        _, batch_size, num_outputs = logits.shape
        if weights is None:
            gradient.mul_(1 / (batch_size * num_outputs))
        else:
            gradient.mul_(shares_of_rows(weights).unsqueeze(-1)).mul_(1 / num_outputs)
        return self.value(logits, targets, weights), gradient

    def value(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """See `Loss`."""
        return mean_over_rows(self._point.loss(logits, targets), weights)


class SquaredError:
    """(y − t)², as torch.nn.MSELoss has it; the answer is the mean."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        return (outputs - targets).square_()

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y."""
        return (outputs - targets).mul_(2)


class AbsoluteError:
    """|y − t|; the answer is the median."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        return (outputs - targets).abs_()

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y; 0 at y = t."""
        return (outputs - targets).sign_()


class Huber:
    """½ (y − t)² up to a distance of 1, |y − t| − ½ beyond (Huber, 1964)."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        distance = (outputs - targets).abs_()
        near = distance.clamp(max=1)
        return near * (distance - near / 2)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y."""
        return (outputs - targets).clamp_(-1, 1)


class Quantiles:
    """τ (t − y) where t ≥ y, (1 − τ) (y − t) where not; the answer is the quantile τ.

    Each target has as many outputs next to each other as there are quantiles (Koenker and
    Bassett, 1978).

    Args:
        levels: each τ, from 0 to 1.
    """

    def __init__(self, levels: Sequence[float] = (0.5,)) -> None:
        self._levels = torch.tensor(levels, dtype=torch.float64)
        self._by_kind: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        above = self._above(outputs, targets)
        levels = self._levels_like(outputs)
        return torch.maximum(levels * above, (levels - 1) * above).flatten(-2)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y; that from above at y = t."""
        is_below: Tensor = (self._above(outputs, targets) <= 0).to(outputs.dtype)
        return (is_below - self._levels_like(outputs)).flatten(-2)

    def _levels_like(self, outputs: Tensor) -> Tensor:
        """The levels where the outputs are; moved once, as a recorded step can move nothing."""
        kind = outputs.device, outputs.dtype
        if kind not in self._by_kind:
            self._by_kind[kind] = self._levels.to(outputs)
        return self._by_kind[kind]

    def _above(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """By how much each target is above its outputs, (…, num_targets, num_quantiles)."""
        return targets.unsqueeze(-1) - outputs.view(*outputs.shape[:-1], -1, len(self._levels))


class Poisson:
    """eʸ − t y, the negative logarithm of Poisson's probability of a count t at the mean eʸ.

    Left out is log t!, which no output changes, as in torch.nn.PoissonNLLLoss.
    """

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        return outputs.exp() - targets * outputs

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y."""
        return outputs.exp() - targets


class BinaryCrossEntropy:
    """−t log σ(y) − (1 − t) log σ(−y) = log(1 + eʸ) − t y, for labels that are there or not."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """l(y, t)."""
        return torch.logaddexp(outputs, torch.zeros_like(outputs)) - targets * outputs

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂l/∂y."""
        return outputs.sigmoid() - targets
