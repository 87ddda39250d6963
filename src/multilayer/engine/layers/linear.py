"""The linear layer, and gradient descent's step folded into its product."""

from typing import NamedTuple

import torch
from torch import Tensor

from multilayer.engine.products import add_product, affine


class Descent(NamedTuple):
    """Gradient descent's step, folded into the product: W ← kept W − rate xᵀ g."""

    rate: float
    kept: float  # below 1 with weight decay


class Linear:
    """y = x W + b.

    Chain rule for g = ∂loss/∂y: ∂W = xᵀ g, ∂b = Σ g over the batch, ∂x = g Wᵀ.

    Args:
        weight: W, (num_members, inputs, outputs).
        bias: b, (num_members, 1, outputs); None is no bias.
        outputs: buffer for y, (num_members, batch, outputs).
        weight_gradient: where ∂W goes; None for a pass without gradients.
        bias_gradient: where ∂b goes.
        input_gradient: buffer for ∂x; None where nobody asks for it.

    Attributes:
        inputs: x of the last `forward`.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        outputs: Tensor,
        weight_gradient: Tensor | None = None,
        bias_gradient: Tensor | None = None,
        input_gradient: Tensor | None = None,
    ) -> None:
        self.weight, self.bias, self.outputs = weight, bias, outputs
        self.weight_gradient, self.bias_gradient = weight_gradient, bias_gradient
        self.input_gradient = input_gradient
        self._weight_transposed = weight.mT

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (num_members, batch, inputs) to outputs (num_members, batch, outputs)."""
        self.inputs = inputs
        if self.bias is None:
            add_product(inputs, self.weight, self.outputs, 1, 0)
            return self.outputs
        return affine(inputs, self.weight, self.bias, self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor | None:
        """∂loss/∂outputs to ∂loss/∂inputs.

        Args:
            gradient: ∂loss/∂outputs.
            descent: None fills the gradients of weight and bias; otherwise gradient descent's step
                is taken instead, which saves writing ∂W and reading it again.
        """
        assert self.weight_gradient is not None
        if self.input_gradient is not None:  # before the step changes W
            add_product(gradient, self._weight_transposed, self.input_gradient, 1, 0)
        if self.bias is not None:
            torch.sum(gradient, dim=-2, keepdim=True, out=self.bias_gradient)
        if descent is None:
            add_product(self.inputs.mT, gradient, self.weight_gradient, 1, 0)
        else:
            add_product(self.inputs.mT, gradient, self.weight, -descent.rate, descent.kept)
            if self.bias is not None and self.bias_gradient is not None:
                self.bias.add_(self.bias_gradient, alpha=-descent.rate)
        return self.input_gradient


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
