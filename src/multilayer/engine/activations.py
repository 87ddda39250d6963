"""Activation functions and their derivatives, element by element, in place.

Each derivative is PyTorch's own kernel for it, called directly: one pass over memory, no graph.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_aten = torch.ops.aten

# SELU's constants: with them the values of wide layers keep mean 0 and deviation 1 from layer to
# layer (Klambauer et al., "Self-Normalizing Neural Networks", 2017).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclass(frozen=True)
class Activation:
    """y = f(z) and its chain rule, for tensors of any shape.

    Args:
        forward: (z, y) writes f(z) into y; z itself may be given as y if `from_output`.
        backward: (grad, saved) multiplies grad by f'(z) in place; `saved` is y if
            `from_output`, else z.
        from_output: the derivative follows from y alone, so z need not be kept.
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor], object]
    from_output: bool


ACTIVATIONS: dict[str, Activation] = {
    # max(z, 0); f' = [y > 0]
    "relu": Activation(
        lambda z, y: torch.clamp_min(z, 0, out=y),
        lambda grad, y: _aten.threshold_backward.grad_input(grad, y, 0, grad_input=grad),
        from_output=True,
    ),
    # z where z > 0, else z/100; f' = 1 or 1/100, by the sign of y
    "leaky_relu": Activation(
        lambda z, y: _aten.leaky_relu.out(z, 0.01, out=y),
        lambda grad, y: _aten.leaky_relu_backward.grad_input(grad, y, 0.01, True, grad_input=grad),
        from_output=True,
    ),
    # z where z > 0, else eᶻ − 1; f' = 1 or y + 1
    "elu": Activation(
        lambda z, y: _aten.elu.out(z, out=y),
        lambda grad, y: _aten.elu_backward.grad_input(grad, 1, 1, 1, True, y, grad_input=grad),
        from_output=True,
    ),
    # λ z where z > 0, else λ α (eᶻ − 1); f' = λ or y + λ α
    "selu": Activation(
        lambda z, y: _aten.elu.out(z, _SELU_ALPHA, _SELU_SCALE, out=y),
        lambda grad, y: _aten.elu_backward.grad_input(
            grad, _SELU_ALPHA, _SELU_SCALE, 1, True, y, grad_input=grad
        ),
        from_output=True,
    ),
    # z Φ(z), Φ the normal distribution function; f' = Φ(z) + z φ(z)
    "gelu": Activation(
        lambda z, y: _aten.gelu.out(z, out=y),
        lambda grad, z: _aten.gelu_backward.grad_input(grad, z, grad_input=grad),
        from_output=False,
    ),
    # z σ(z); f' = σ(z) (1 + z (1 − σ(z)))
    "silu": Activation(
        lambda z, y: _aten.silu.out(z, out=y),
        lambda grad, z: _aten.silu_backward.grad_input(grad, z, grad_input=grad),
        from_output=False,
    ),
    # z tanh(log(1 + eᶻ)) (Misra, 2019); f' = t + z σ(z) (1 − t²), t the tanh
    "mish": Activation(
        lambda z, y: _aten.mish.out(z, out=y),
        lambda grad, z: grad.copy_(_aten.mish_backward(grad, z)),
        from_output=False,
    ),
    # log(1 + eᶻ), z itself above 20; f' = σ(z)
    "softplus": Activation(
        lambda z, y: _aten.softplus.out(z, out=y),
        lambda grad, z: _aten.softplus_backward.grad_input(grad, z, 1, 20, grad_input=grad),
        from_output=False,
    ),
    # f' = 1 − y²
    "tanh": Activation(
        lambda z, y: torch.tanh(z, out=y),
        lambda grad, y: _aten.tanh_backward.grad_input(grad, y, grad_input=grad),
        from_output=True,
    ),
    # σ(z) = 1 / (1 + e⁻ᶻ); f' = y (1 − y)
    "sigmoid": Activation(
        lambda z, y: torch.sigmoid(z, out=y),
        lambda grad, y: _aten.sigmoid_backward.grad_input(grad, y, grad_input=grad),
        from_output=True,
    ),
    "identity": Activation(
        lambda z, y: None if z is y else y.copy_(z),
        lambda grad, _: grad,
        from_output=True,
    ),
}
