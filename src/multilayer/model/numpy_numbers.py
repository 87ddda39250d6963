"""The embeddings of numbers in NumPy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def mixtures_of(numbers: Array, parameters: Mapping[str, Array]) -> Array:
    """The mixtures of each number's components.

    Args:
        numbers: (columns, num_rows, 1), of the parameters' dtype.
        parameters: by slot name; those of the embedding say which it is, see
            `engine.layers.embeddings` and `engine.layers.piecewise`.

    Returns:
        (columns, num_rows, mixtures).
    """
    weight = parameters["numbers.weight"]
    if "numbers.edges" in parameters:
        return _components(numbers, parameters["numbers.edges"]) @ weight
    arguments = numbers * (weight.dtype.type(2 * np.pi) * parameters["numbers.frequency"])
    arguments += parameters["numbers.phase"]
    mixtures: Array = np.cos(arguments, out=arguments) @ weight
    mixtures += parameters["numbers.bias"]
    return mixtures


def _components(numbers: Array, edges: Array) -> Array:
    """How far each number has come through each bin, (columns, num_rows, bins)."""
    starts, widths = edges[..., :-1], np.diff(edges, axis=-1)
    slopes = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
    components: Array = (numbers - starts) * slopes
    np.maximum(components[..., 1:], 0, out=components[..., 1:])
    np.minimum(components[..., :-1], 1, out=components[..., :-1])
    return components
