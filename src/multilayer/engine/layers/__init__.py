"""Layers with hand-written forward and backward passes, one kind a file.

Shapes are (num_members, batch, features). A population of one drops the leading dimension before
it gets here, because plain matrix products are faster than products with a dimension of one; the
same code serves both.

A layer owns no memory: parameters, gradients and buffers are views made by whoever builds it.
"""

from typing import Protocol

from torch import Tensor

from multilayer.engine.layers.linear import Descent


class Layer(Protocol):
    """One thing that happens to values on their way, and its chain rule."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (num_members, batch, inputs) to outputs (num_members, batch, outputs)."""

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor | None:
        """∂loss/∂outputs to ∂loss/∂inputs, which may lie in the same memory.

        Fills the gradients of the layer's parameters, or takes gradient descent's step instead.

        Returns:
            None where nobody asks for ∂loss/∂inputs: no parameters lie before.
        """
