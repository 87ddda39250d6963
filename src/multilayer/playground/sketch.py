"""The first picture of a page: points and the network's shape, drawn while PyTorch is loaded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.playground.messages import packed
from multilayer.playground.points import INPUT_NAMES, TARGET_NAMES, class_names, drawn_points
from multilayer.playground.setup import (
    IMAGE_PROBLEMS,
    MADE_PROBLEMS,
    NUM_INPUTS,
    NUM_OUTPUTS,
    PLANES,
    Setup,
)

MOST_POINTS = 1500
_MARGIN = 0.1  # of what is drawn around the points
_MOST_NEURONS = 8  # of a layer that are drawn
_MOST_OUTPUTS = 10


def sketch(setup: Setup) -> bytes | None:
    """The message with what can be drawn before there is a network.

    Returns:
        None of a table, whose columns are not read yet.
    """
    if setup.problem not in (*MADE_PROBLEMS, *IMAGE_PROBLEMS):
        return None
    widths = [
        NUM_INPUTS.get(setup.problem, 2), *setup.hidden_widths, NUM_OUTPUTS.get(setup.problem, 2),
    ]  # fmt: skip
    header: dict[str, Any] = {
        "kind": "sketch", "query": setup.query(), "widths": widths,
        "shown": shown_neurons(widths), "limits": None,
    }  # fmt: skip
    if setup.problem in IMAGE_PROBLEMS:
        return packed(header)
    points, values = drawn_points(setup.problem, setup.num_rows, setup.noise, setup.seed)
    is_plane = setup.problem in PLANES
    header |= {
        "task": "classes" if is_plane else "numbers",
        "classes": class_names(np.unique(values)) if is_plane else [],
        "columns": INPUT_NAMES,
        "target": TARGET_NAMES[setup.problem],
        "limits": limits_around(tuple(zip(points.min(0), points.max(0), strict=True))),
        "scale": [0.0, 1.0],
        "reach": [float(values.min()), float(values.max())],
    }
    chosen = slice(None, None, -(-len(points) // MOST_POINTS))
    arrays: dict[str, NDArray[Any]] = {
        "points": points[chosen].astype(np.float32),
        "values": values[chosen].astype(np.float32),
        "is_held_out": np.zeros(len(points[chosen]), np.uint8),  # not divided yet
    }
    return packed(header, arrays)


def limits_around(ranges: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what is drawn of points with these ranges of x and y."""
    (left, right), (bottom, top) = ranges
    x, y = _MARGIN * ((right - left) or 1), _MARGIN * ((top - bottom) or 1)
    return float(left - x), float(right + x), float(bottom - y), float(top + y)


def shown_neurons(widths: Sequence[int]) -> list[list[int]]:
    """The neurons of each layer that are drawn, inputs and outputs included: the first ones."""
    most = [_MOST_NEURONS] * (len(widths) - 1) + [_MOST_OUTPUTS]
    return [[*range(min(width, number))] for width, number in zip(widths, most, strict=True)]
