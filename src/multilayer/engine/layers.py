"""Layers with hand-written forward and backward passes.

Shapes are (num_members, batch, features). A population of one drops the leading dimension before
it gets here, because plain matrix products are faster than products with a dimension of one; the
same code serves both.

A layer owns no memory: parameters, gradients and buffers are views made by whoever builds it.
"""

import torch
from torch import Tensor

from multilayer.engine.activations import Activation
from multilayer.engine.products import affine, product


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


class Linear:
    """y = x W + b.

    Chain rule for g = ∂loss/∂y: ∂W = xᵀ g, ∂b = Σ g over the batch, ∂x = g Wᵀ.

    Args:
        weight: W, (num_members, inputs, outputs).
        bias: b, (num_members, 1, outputs).
        outputs: buffer for y, (num_members, batch, outputs).
        weight_gradient: where ∂W goes; None for a pass without gradients.
        bias_gradient: where ∂b goes.
        input_gradient: buffer for ∂x; None where nobody asks for it (the first layer).
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
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
        self._inputs = inputs
        return affine(inputs, self.weight, self.bias, self.outputs)

    def backward(self, gradient: Tensor) -> Tensor | None:
        """∂loss/∂outputs to ∂loss/∂inputs; fills the gradients of weight and bias."""
        assert self.weight_gradient is not None
        product(self._inputs.mT, gradient, self.weight_gradient)
        torch.sum(gradient, dim=-2, keepdim=True, out=self.bias_gradient)
        if self.input_gradient is not None:
            product(gradient, self._weight_transposed, self.input_gradient)
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
