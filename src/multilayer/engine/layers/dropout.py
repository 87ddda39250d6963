"""Dropout, of inputs and of hidden layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from multilayer.engine.layers.linear import Descent
from multilayer.engine.whole_batch import WholeBatch

_NUM_LEVELS = 2**8  # of probability: what 8 bits can tell apart


@dataclass
class DropoutPlan:
    """How much each member leaves out, and where its masks come from.

    Attributes:
        shares: of each member, of its hidden layers.
        sources: each member's generator of masks.
        input_share: of the features before the first linear layer, for all members.
        strength: all shares are multiplied by it; a schedule changes it from step to step.
        whole: the batch that ranks divide; None: they do not. Masks are drawn for all of it, so
            that a row's mask does not depend on how many ranks there are.
    """

    shares: Sequence[float]
    sources: Sequence[Generator]
    input_share: float = 0.0
    strength: float = 1.0
    whole: WholeBatch | None = None


class Dropout:
    """Leaves out each value with its member's probability p and divides the others by 1 − p.

    Args:
        plan: where the masks and the strength come from.
        shares: p of each member at full strength.
        mask: buffer, of the values' shape.
        outputs: buffer, likewise; the layer before may still need the values as they were.
    """

    def __init__(
        self, plan: DropoutPlan, shares: Sequence[float], mask: Tensor, outputs: Tensor
    ) -> None:
        self.plan, self.shares, self.mask, self.outputs = plan, shares, mask, outputs
        self._masks = mask.unsqueeze(0) if mask.dim() == 2 else mask
        self._bits = bits_for(self._masks[0])
        self._whole_mask: Tensor | None = None
        self._is_off = False

    def forward(self, inputs: Tensor) -> Tensor:
        """Values to values."""
        self._is_off = self.plan.strength == 0
        if self._is_off:
            return inputs
        for full, source, mask in zip(self.shares, self.plan.sources, self._masks, strict=True):
            self._draw(full * self.plan.strength, source, mask)
        return torch.mul(inputs, self.mask, out=self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂outputs to ∂loss/∂inputs, in place."""
        return gradient if self._is_off else gradient.mul_(self.mask)

    def _draw(self, share: float, source: Generator, mask: Tensor) -> None:
        """Draw a member's mask: of these rows, or of the whole batch and take that of these."""
        whole = self.plan.whole
        if whole is None or whole.part is None:
            draw_mask(share, source, self._bits, mask)
            return
        if self._whole_mask is None or len(self._whole_mask) != whole.num_rows:
            self._whole_mask = mask.new_empty(whole.num_rows, mask.shape[1])
            self._bits = bits_for(self._whole_mask)
        draw_mask(share, source, self._bits, self._whole_mask)
        mask.copy_(self._whole_mask[whole.part])


def bits_for(mask: Tensor) -> Tensor:
    """A buffer of random bits for `draw_mask`: 8 for each value, eight values to a number."""
    return torch.empty(-(-mask.numel() // 8), dtype=torch.int64, device=mask.device)


def draw_mask(share: float, source: Generator, bits: Tensor, mask: Tensor) -> None:
    """Write 0 for values to leave out, and for the others what makes up for these.

    Eight random bits a value take a tenth of the time that `bernoulli_` takes. They tell 256 levels
    apart: the first rows of the mask take the level above `share` and the others the one below, so
    many each that the share of all is right to the nearest of 256 times the number of rows. What
    makes up for it follows from that, so that the mean is kept exactly.

    Args:
        share: probability of 0.
        source: of the bits.
        bits: buffer, see `bits_for`.
        mask: (rows, values), without gaps in memory.
    """
    num_rows = len(mask)
    levels = min(round(share * _NUM_LEVELS * num_rows), (_NUM_LEVELS - 1) * num_rows)
    lower, num_above = divmod(levels, num_rows)
    bits.random_(-(2**63), None, generator=source)
    numbers = bits.view(torch.int8)[: mask.numel()].view(mask.shape)
    least = lower - _NUM_LEVELS // 2  # of the numbers that are kept
    if num_above:
        torch.ge(numbers[:num_above], least + 1, out=mask[:num_above])
    torch.ge(numbers[num_above:], least, out=mask[num_above:])
    mask.mul_(_NUM_LEVELS * num_rows / (_NUM_LEVELS * num_rows - levels))
