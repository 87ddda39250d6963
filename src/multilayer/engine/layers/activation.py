"""Activations, plain and with a learned strength."""

import torch
from torch import Tensor

from multilayer.engine.activations import Activation
from multilayer.engine.layers.linear import Descent


class ActivationLayer:
    """y = σ(z), element by element.

    Args:
        activation: σ and its derivative.
        outputs: buffer for y; None where y may overwrite z.
        slopes: buffer for σ'(z), for a pass with gradients of an activation that writes it.
    """

    def __init__(
        self, activation: Activation, outputs: Tensor | None = None, slopes: Tensor | None = None
    ) -> None:
        self.activation, self.outputs, self.slopes = activation, outputs, slopes

    def forward(self, inputs: Tensor) -> Tensor:
        """Pre-activations z to y, of the same shape."""
        outputs = inputs if self.outputs is None else self.outputs
        self._saved = activate(self.activation, inputs, outputs, self.slopes)
        return outputs

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂y to ∂loss/∂z, in place."""
        self.activation.backward(gradient, self._saved)
        return gradient


class LearnedActivation:
    """y = (1 − α) z + α σ(z), α learned for each neuron.

    Chain rule for g = ∂loss/∂y: ∂α = Σ g (σ(z) − z) over the batch, ∂z = g + α g (σ'(z) − 1).

    Args:
        activation: σ and its derivative.
        strength: α, (num_members, 1, features).
        activated: buffer for σ(z), (num_members, batch, features).
        difference: buffer for σ(z) − z, likewise.
        outputs: buffer for y, likewise.
        strength_gradient: where ∂α goes; None for a pass without gradients.
        slopes: as in `ActivationLayer`.
    """

    def __init__(
        self,
        activation: Activation,
        strength: Tensor,
        activated: Tensor,
        difference: Tensor,
        outputs: Tensor,
        strength_gradient: Tensor | None = None,
        slopes: Tensor | None = None,
    ) -> None:
        self.activation, self.strength = activation, strength
        self.activated, self.difference, self.outputs = activated, difference, outputs
        self.strength_gradient, self.slopes = strength_gradient, slopes
        self._one = strength.new_ones(())

    def forward(self, inputs: Tensor) -> Tensor:
        """Pre-activations z to y, of the same shape."""
        self._saved = activate(self.activation, inputs, self.activated, self.slopes)
        torch.sub(self.activated, inputs, out=self.difference)
        return torch.addcmul(inputs, self.difference, self.strength, out=self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂y to ∂loss/∂z, in place."""
        assert self.strength_gradient is not None
        scratch = self.difference
        scratch.mul_(gradient)
        torch.sum(scratch, dim=-2, keepdim=True, out=self.strength_gradient)
        if self.slopes is not None:
            torch.lerp(self._one, self.slopes, self.strength, out=scratch)
            return gradient.mul_(scratch)
        torch.mul(gradient, self.strength, out=scratch)
        gradient.sub_(scratch)
        self.activation.backward(scratch, self._saved)
        return gradient.add_(scratch)


def activate(
    activation: Activation, inputs: Tensor, outputs: Tensor, slopes: Tensor | None
) -> Tensor:
    """Write σ(z) into the outputs, and give what its derivative needs."""
    if slopes is not None:
        assert activation.forward_with_slope is not None
        activation.forward_with_slope(inputs, outputs, slopes)
        return slopes
    activation.forward(inputs, outputs)
    return outputs if activation.from_output else inputs
