"""The activation functions of `engine.activations` in NumPy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.specification import ActivationName

Array = NDArray[np.float32]

# Coefficients of x², from the constant up, of the numerator and denominator in `erf`.
ERF_NUMERATOR = (
    1.12837898, 0.196249150, 0.0534675045, 0.00400365593, 2.88042103e-4, 1.97483338e-6,
)  # fmt: skip
ERF_DENOMINATOR = (
    1.0, 0.507252440, 0.116476502, 0.0154444393, 0.00121636334, 3.74809352e-5,
)  # fmt: skip
ERF_IS_ONE_FROM = 4.0  # where 1 − erf(x) is below 2e-8


def erf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The error function 2/√π ∫₀ˣ exp(−t²) dt, to 4e-8.

    For |x| ≤ 4 it is x P(x²) / Q(x²), a rational Chebyshev approximation of the form of W. J. Cody
    ("Rational Chebyshev approximations for the error function", 1969); beyond, ±1. P and Q, of
    degree 5, were fitted to the function for this project by reweighted least squares.

    Args:
        x: any shape; NaN stays NaN.

    Returns:
        The same shape.
    """
    x = np.clip(x, -ERF_IS_ONE_FROM, ERF_IS_ONE_FROM)
    square = x * x
    return x * _polynomial(ERF_NUMERATOR, square) / _polynomial(ERF_DENOMINATOR, square)


def _polynomial(coefficients: tuple[float, ...], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ cᵢ xⁱ, by Horner's rule."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= x
        value += coefficient
    return value


def _relu(z: Array) -> None:
    np.maximum(z, _ZERO, out=z)


def _leaky_relu(z: Array) -> None:
    np.maximum(z, z * _HUNDREDTH, out=z)


def _elu(z: Array) -> None:
    np.copyto(z, np.expm1(np.minimum(z, _ZERO)), where=z < 0)


def _selu(z: Array) -> None:
    below_zero = np.expm1(np.minimum(z, _ZERO))
    below_zero *= SELU_ALPHA
    np.copyto(z, below_zero, where=z < 0)
    z *= SELU_SCALE


def _gelu(z: Array) -> None:
    # z Φ(z), Φ(z) = (1 + erf(z/√2)) / 2; the sum is made in float64, as it cancels for z < 0.
    z *= 0.5 + 0.5 * erf(z * np.sqrt(0.5))


def _silu(z: Array) -> None:
    share = z.copy()
    _sigmoid(share)
    z *= share


def _mish(z: Array) -> None:
    # z tanh(log(1 + eᶻ)) = z n / (n + 2), n = eᶻ (eᶻ + 2); from 20 on that is z.
    power = np.exp(np.minimum(z, _TWENTY))
    power *= power + _TWO
    z *= power / (power + _TWO)


def _softplus(z: Array) -> None:
    np.logaddexp(z, _ZERO, out=z)


def _tanh(z: Array) -> None:
    np.tanh(z, out=z)


def _sigmoid(z: Array) -> None:
    # 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2, which cannot overflow.
    z *= _HALF
    np.tanh(z, out=z)
    z *= _HALF
    z += _HALF


def _identity(z: Array) -> None:
    pass


# NumPy is faster with float32 scalars than with Python floats. But what float32 does not hold
# exactly is a Python float, which takes the array's dtype, so that float64 keeps its precision.
_ZERO, _HALF, _HUNDREDTH = np.float32(0), np.float32(0.5), 0.01
_TWO, _TWENTY = np.float32(2), np.float32(20)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

# Each replaces z by f(z) in place, elementwise.
NUMPY_ACTIVATIONS: dict[ActivationName, Callable[[Array], None]] = {
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "identity": _identity,
}
