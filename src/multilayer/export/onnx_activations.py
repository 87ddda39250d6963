"""The activation functions of `engine.activations` as ONNX nodes."""

import numpy as np

from multilayer.engine.specification import ActivationName
from multilayer.export.onnx_graph import Graph
from multilayer.model.numpy_activations import (
    ERF_DENOMINATOR,
    ERF_IS_ONE_FROM,
    ERF_NUMERATOR,
    SELU_ALPHA,
    SELU_SCALE,
)


def activated(graph: Graph, name: ActivationName, z: str) -> str:
    """Nodes for σ(z).

    Args:
        graph: to add to.
        name: of the function.
        z: of the graph's dtype, any shape.
    """
    if name == "identity":
        return z
    if name == "relu":
        return graph("Relu", z)
    if name == "leaky_relu":
        return graph("Max", z, graph("Mul", z, 0.01))
    if name == "elu":
        return _elu(graph, z, 1.0)
    if name == "selu":
        return graph("Mul", _elu(graph, z, SELU_ALPHA), SELU_SCALE)
    if name == "gelu":
        share = graph("Add", graph("Mul", _erf(graph, graph("Mul", z, np.sqrt(0.5))), 0.5), 0.5)
        return graph("Mul", z, share)
    if name == "silu":
        return graph("Mul", z, graph("Sigmoid", z))
    if name == "mish":
        return _mish(graph, z)
    if name == "softplus":
        return softplus(graph, z)
    return graph({"tanh": "Tanh", "sigmoid": "Sigmoid"}[name], z)


def softplus(graph: Graph, z: str) -> str:
    """Log(1 + eᶻ), without overflow."""
    power = graph("Exp", graph("Neg", graph("Abs", z)))
    return graph("Add", graph("Max", z, 0.0), graph("Log", graph("Add", power, 1.0)))


def _elu(graph: Graph, z: str, alpha: float) -> str:
    below = graph("Mul", graph("Sub", graph("Exp", graph("Min", z, 0.0)), 1.0), alpha)
    return graph("Where", graph("Less", z, 0.0), below, z)


def _mish(graph: Graph, z: str) -> str:
    """As `numpy_activations` has it: z n / (n + 2) with n = eᶻ (eᶻ + 2)."""
    power = graph("Exp", graph("Min", z, 20.0))
    product = graph("Mul", power, graph("Add", power, 2.0))
    return graph("Mul", z, graph("Div", product, graph("Add", product, 2.0)))


def _erf(graph: Graph, x: str) -> str:
    """As `numpy_activations.erf`: ONNX's own is for float32 alone in onnxruntime."""
    x = graph("Max", graph("Min", x, ERF_IS_ONE_FROM), -ERF_IS_ONE_FROM)
    square = graph("Mul", x, x)
    above, below = (_polynomial(graph, part, square) for part in (ERF_NUMERATOR, ERF_DENOMINATOR))
    return graph("Div", graph("Mul", x, above), below)


def _polynomial(graph: Graph, coefficients: tuple[float, ...], x: str) -> str:
    value = graph("Add", graph("Mul", x, coefficients[-1]), coefficients[-2])
    for coefficient in reversed(coefficients[:-2]):
        value = graph("Add", graph("Mul", value, x), coefficient)
    return value
