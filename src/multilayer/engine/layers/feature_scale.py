"""The scale layer: a learned number for each feature."""

import torch
from torch import Tensor

from multilayer.engine.layers.linear import Descent


class FeatureScale:
    """y = s x, element by element, s learned for each feature.

    Chain rule for g = ∂loss/∂y: ∂s = Σ g x over the batch, ∂x = s g.

    Args:
        scale: s, (num_members, 1, features).
        outputs: buffer for y, (num_members, batch, features).
        scale_gradient: where ∂s goes; None for a pass without gradients.
        is_first: whether nobody asks for ∂x.
    """

    def __init__(
        self,
        scale: Tensor,
        outputs: Tensor,
        scale_gradient: Tensor | None = None,
        is_first: bool = True,
    ) -> None:
        self.scale, self.outputs, self.scale_gradient = scale, outputs, scale_gradient
        self.is_first = is_first

    def forward(self, inputs: Tensor) -> Tensor:
        """Features to features."""
        self._inputs = inputs
        return torch.mul(inputs, self.scale, out=self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor | None:  # noqa: ARG002
        """∂loss/∂y to ∂loss/∂x, in place."""
        assert self.scale_gradient is not None
        torch.mul(gradient, self._inputs, out=self.outputs)
        torch.sum(self.outputs, dim=-2, keepdim=True, out=self.scale_gradient)
        return None if self.is_first else gradient.mul_(self.scale)
