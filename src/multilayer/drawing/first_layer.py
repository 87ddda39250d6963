"""The weights into hidden neurons laid out side by side, each as a picture of the inputs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from multilayer.errors import DataError


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Pictures in rows, a cell of NaN between them.

    Args:
        values: weights by place; those that are not finite are NaN.
        limit: where a colour may be strongest. A few weights at the border are far larger than
            all others, which would leave these pale.
        title: which neurons are shown.
    """

    values: NDArray[numpy.float64]
    limit: float
    title: str


def first_layer_mosaic(
    weights: NDArray[Any], image_shape: tuple[int, int], max_units: int = 100
) -> Mosaic:
    """Lay out the weights of the hidden units with the largest norm, in that order.

    Args:
        weights: (num_inputs, num_hiddens).
        image_shape: (height, width) of the images; their product is num_inputs.
        max_units: the number of units to show at most.

    Raises:
        DataError: the weights do not fit the images.
    """
    height, width = image_shape
    if weights.ndim != 2 or len(weights) != height * width or weights.shape[1] == 0:
        raise DataError(
            f"the weights have the shape {weights.shape}; for images of {height} by {width} "
            f"pixels it must be ({height * width}, number of hidden units)"
        )
    weights = numpy.where(numpy.isfinite(weights), weights, numpy.nan).astype(numpy.float64)
    num_units = weights.shape[1]
    norms = numpy.sqrt(numpy.nansum(weights**2, axis=0))
    chosen = numpy.argsort(-norms, kind="stable")[:max_units]
    num_columns = math.ceil(math.sqrt(len(chosen) * height / width))
    values = side_by_side(weights[:, chosen], image_shape, num_columns)
    sizes = numpy.abs(weights[:, chosen])
    limit = float(numpy.quantile(sizes[numpy.isfinite(sizes)], 0.995)) if norms.any() else 1.0
    title = (
        f"First layer: the weights of the {len(chosen)} of {num_units} hidden units "
        "with the largest norm, in that order"
        if len(chosen) < num_units
        else f"First layer: the weights of the {num_units} hidden units, largest norm first"
    )
    return Mosaic(values, limit, title)


def side_by_side(
    weights: NDArray[Any], image_shape: tuple[int, int], num_columns: int
) -> NDArray[Any]:
    """Weights (num_inputs, num_units) as images in rows, with a line of NaN between them."""
    height, width = image_shape
    num_rows = math.ceil(weights.shape[1] / num_columns)
    values = numpy.full((num_rows * (height + 1) - 1, num_columns * (width + 1) - 1), numpy.nan)
    for unit, of_unit in enumerate(weights.T):
        row, column = divmod(unit, num_columns)
        top, left = row * (height + 1), column * (width + 1)
        values[top : top + height, left : left + width] = of_unit.reshape(image_shape)
    return values
