"""Layers with hand-written forward and backward passes.

Shapes are (num_members, batch, features). A population of one drops the leading dimension before
it gets here, because plain matrix products are faster than products with a dimension of one; the
same code serves both.

A layer owns no memory: parameters, gradients and buffers are views made by whoever builds it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from multilayer.engine.activations import Activation
from multilayer.engine.products import add_product, affine


class Descent(NamedTuple):
    """Gradient descent's step, folded into the product: W ← kept W − rate xᵀ g."""

    rate: float
    kept: float  # below 1 with weight decay


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

    Attributes:
        inputs: x of the last `forward`.
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
        self.inputs = inputs
        return affine(inputs, self.weight, self.bias, self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor | None:
        """∂loss/∂outputs to ∂loss/∂inputs.

        Args:
            gradient: ∂loss/∂outputs.
            descent: None fills the gradients of weight and bias; otherwise gradient descent's step
                is taken instead, which saves writing ∂W and reading it again.
        """
        assert self.weight_gradient is not None
        assert self.bias_gradient is not None
        if self.input_gradient is not None:  # before the step changes W
            add_product(gradient, self._weight_transposed, self.input_gradient, 1, 0)
        torch.sum(gradient, dim=-2, keepdim=True, out=self.bias_gradient)
        if descent is None:
            add_product(self.inputs.mT, gradient, self.weight_gradient, 1, 0)
        else:
            add_product(self.inputs.mT, gradient, self.weight, -descent.rate, descent.kept)
            self.bias.add_(self.bias_gradient, alpha=-descent.rate)
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

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂y to ∂loss/∂z, in place."""
        self.activation.backward(gradient, self._saved)
        return gradient


class Dropout:
    """Leaves out each value with its member's probability p and divides the others by 1 − p.

    Args:
        shares: p of each member.
        sources: each member's generator of masks.
        mask: buffer, of the values' shape.
        outputs: buffer, likewise; the activation before still needs the values as they were.
    """

    def __init__(
        self, shares: Sequence[float], sources: Sequence[Generator], mask: Tensor, outputs: Tensor
    ) -> None:
        self.shares, self.sources, self.mask, self.outputs = shares, sources, mask, outputs
        self._masks = mask.unsqueeze(0) if mask.dim() == 2 else mask

    def forward(self, inputs: Tensor) -> Tensor:
        """Values to values."""
        for share, source, mask in zip(self.shares, self.sources, self._masks, strict=True):
            mask.bernoulli_(1 - share, generator=source).mul_(1 / (1 - share))
        return torch.mul(inputs, self.mask, out=self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂outputs to ∂loss/∂inputs, in place."""
        return gradient.mul_(self.mask)
