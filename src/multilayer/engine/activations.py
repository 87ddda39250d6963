"""Activation functions and their derivatives, element by element, in place.

Each derivative is PyTorch's own kernel for it, called directly: one pass over memory, no graph.
Mish is the exception: its kernels take three times as long as the few passes written here.
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
        forward_with_slope: (z, y, slope) writes f(z) into y and f'(z) into slope, both apart from
            z, for a function that has much of the one once it has the other; `saved` is then the
            slope. None: there is no such gain.
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor], object]
    from_output: bool
    forward_with_slope: Callable[[Tensor, Tensor, Tensor], object] | None = None


def _mish(z: Tensor, y: Tensor) -> None:
    """Write z tanh(log(1 + eᶻ)) into y, which may be z.

    With s = σ(z) and q = 1 − s the tanh is s (1 + q) / (1 + q²): neither eᶻ, which overflows, nor
    a difference that loses digits where z is far below zero.
    """
    sigmoid = torch.sigmoid(z)
    minus_rest = sigmoid - 1
    torch.mul(z, _tanh_of_softplus(sigmoid, minus_rest, _mish_factor(minus_rest)), out=y)


def _mish_with_slope(z: Tensor, y: Tensor, slope: Tensor) -> None:
    """Likewise, and its derivative t + z s (1 − t²), t the tanh; 1 − t² = (2 q / (1 + q²))²."""
    torch.sigmoid(z, out=y)
    torch.sub(y, 1, out=slope)
    factor = _mish_factor(slope)
    tanh = _tanh_of_softplus(y, slope, factor)
    slope.mul_(factor)
    slope.mul_(slope).mul_(y)
    torch.addcmul(tanh, slope, z, value=4, out=slope)
    torch.mul(z, tanh, out=y)


def _mish_factor(minus_rest: Tensor) -> Tensor:
    """1 / (1 + q²) from −q."""
    return torch.mul(minus_rest, minus_rest).add_(1).reciprocal_()


def _tanh_of_softplus(sigmoid: Tensor, minus_rest: Tensor, factor: Tensor) -> Tensor:
    return torch.addcmul(sigmoid, sigmoid, minus_rest, value=-1).mul_(factor)


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
    # z tanh(log(1 + eᶻ)) (Misra, 2019)
    "mish": Activation(
        _mish,
        lambda grad, slope: grad.mul_(slope),
        from_output=False,
        forward_with_slope=_mish_with_slope,
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
