"""What happens to rows before anything is learned about them."""

import torch
from torch import Tensor

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
