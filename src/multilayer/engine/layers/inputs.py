"""What happens to rows before anything is learned about them."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from multilayer.encoding.one_hot_block import OneHotBlock, code_places, plain_parts
from multilayer.engine.layers.linear import Descent


class Scaling:
    """y = s x: bytes or floats to what the network computes with, in one pass over memory.

    Args:
        scale: s.
        outputs: buffer for y, of the inputs' shape.
    """

    def __init__(self, scale: float, outputs: Tensor) -> None:
        # A tensor, not a number: bytes times a number would be rounded to float32 in between.
        self.scale, self.outputs = torch.tensor(scale, dtype=outputs.dtype), outputs
        self._changes_values = scale != 1

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of any number type to outputs."""
        if not self._changes_values and inputs.dtype == self.outputs.dtype:
            return inputs
        return torch.mul(inputs, self.scale, out=self.outputs)


class OneHotExpansion:
    """Makes blocks of one-hot columns dense, each of which is a single code in the rows given.

    Args:
        num_inputs: of the outputs.
        blocks: which of them are one-hot columns, and their values.
        outputs: buffer, (…, num_inputs).
    """

    def __init__(self, num_inputs: int, blocks: Sequence[OneHotBlock], outputs: Tensor) -> None:
        self.outputs = outputs
        self._plain = list(plain_parts(num_inputs, blocks))
        self._absent = [
            (slice(block.place, block.place + block.size), outputs.new_tensor(block.absent))
            for block in blocks
            if any(block.absent)  # seldom: in a column of which a quarter of the rows is one value
        ]
        device = outputs.device
        self._code_places = torch.tensor(code_places(blocks), device=device)
        self._places = torch.tensor([block.place for block in blocks], device=device)
        starts = [0, *accumulate(1 + block.size for block in blocks)][:-1]
        self._starts = torch.tensor(starts, device=device)
        # What stands at a category's place; code 0 leaves the first place of its block absent.
        self._values = outputs.new_tensor(
            [value for block in blocks for value in (block.absent[0], *block.present)]
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Encoded rows (…, row_width) to inputs (…, num_inputs)."""
        self.outputs.zero_()
        for row_part, part in self._plain:
            self.outputs[..., part] = inputs[..., row_part]
        for part, absent in self._absent:
            self.outputs[..., part] = absent
        codes = inputs[..., self._code_places].long()
        values = self._values[codes + self._starts]
        self.outputs.scatter_(-1, codes.sub_(1).clamp_(min=0) + self._places, values)
        return self.outputs


class Standardization:
    """y = s (x − m), with constants m and s for each input.

    Args:
        shift: m, (num_members, 1, inputs).
        scale: s, likewise.
        outputs: buffer for y, (num_members, batch, inputs).
    """

    def __init__(self, shift: Tensor, scale: Tensor, outputs: Tensor) -> None:
        self.shift, self.scale, self.outputs = shift, scale, outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs to outputs, of the same shape."""
        return torch.sub(inputs, self.shift, out=self.outputs).mul_(self.scale)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> None:
        """Nothing before it is learned."""
