"""Layers with hand-written forward and backward passes.

Shapes are (num_members, batch, features). A population of one drops the leading dimension before
it gets here, because plain matrix products are faster than products with a dimension of one; the
same code serves both.

A layer owns no memory: parameters, gradients and buffers are views made by whoever builds it.
"""

from typing import Any

import torch
from torch import Tensor

from multilayer.engine.activations import Activation


class Linear:
    """y = s x W + b.

    Chain rule for g = ∂loss/∂y: ∂W = s xᵀ g, ∂b = Σ g over the batch, ∂x = s g Wᵀ.

    Args:
        weight: W, (num_members, inputs, outputs).
        bias: b, (num_members, 1, outputs).
        outputs: buffer for y, (num_members, batch, outputs).
        input_scale: s; folded into the products, where it costs nothing.
        weight_gradient: where ∂W goes; None for a pass without gradients.
        bias_gradient: where ∂b goes.
        input_gradient: buffer for ∂x; None where nobody asks for it (the first layer).
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        outputs: Tensor,
        input_scale: float = 1.0,
        weight_gradient: Tensor | None = None,
        bias_gradient: Tensor | None = None,
        input_gradient: Tensor | None = None,
    ) -> None:
        self.weight, self.bias, self.outputs = weight, bias, outputs
        self.input_scale = input_scale
        self.weight_gradient, self.bias_gradient = weight_gradient, bias_gradient
        self.input_gradient = input_gradient
        self._product: Any = torch.addmm if weight.dim() == 2 else torch.baddbmm
        self._weight_transposed = weight.mT

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (num_members, batch, inputs) to outputs (num_members, batch, outputs)."""
        self._inputs = inputs
        self._product(self.bias, inputs, self.weight, alpha=self.input_scale, out=self.outputs)
        return self.outputs

    def backward(self, gradient: Tensor) -> Tensor | None:
        """∂loss/∂outputs to ∂loss/∂inputs; fills the gradients of weight and bias."""
        weight_gradient, scale = self.weight_gradient, self.input_scale
        self._product(
            weight_gradient, self._inputs.mT, gradient, beta=0, alpha=scale, out=weight_gradient
        )
        torch.sum(gradient, dim=-2, keepdim=True, out=self.bias_gradient)
        if self.input_gradient is None:
            return None
        self._product(
            self.input_gradient, gradient, self._weight_transposed,
            beta=0, alpha=scale, out=self.input_gradient,
        )  # fmt: skip
        return self.input_gradient


class ActivationLayer:
    """y = f(z), element by element.

    Args:
        activation: f and its derivative.
        outputs: buffer for y; None where y may overwrite z.
    """

    def __init__(self, activation: Activation, outputs: Tensor | None = None) -> None:
        self.activation, self.outputs = activation, outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Pre-activations z to y, of the same shape."""
        outputs = inputs if self.outputs is None else self.outputs
        self._saved = outputs if self.activation.from_output else inputs
        self.activation.forward(inputs, outputs)
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """∂loss/∂y to ∂loss/∂z, in place."""
        self.activation.backward(gradient, self._saved)
        return gradient
