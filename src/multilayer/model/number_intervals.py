"""Intervals of numbers from held-out rows, each kind of answer on the scale that suits it.

One answer for a number is scored by its distance from the truth. The lowest and the highest of
several quantiles are scored by how far the truth lies outside them, below 0 inside (Romano et al.,
"Conformalized quantile regression", 2019). Counts and their rates are scored as square roots, whose
scatter is about the same at all rates (Bartlett, "The square root transformation in analysis of
variance", 1936).
"""

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.number_scale import NumberScale
from multilayer.model.conformal import ConformalScores

Array = NDArray[np.float64]


def scores_of_numbers(scale: NumberScale, numbers: Array, truths: Array) -> Array:
    """How far each truth lies outside what was predicted.

    Args:
        scale: of the numbers.
        numbers: as the scale decodes them, (num_rows, num_numbers × num_outputs_each).
        truths: (num_rows, num_numbers).

    Returns:
        (num_rows, num_numbers).
    """
    lower, upper = _ends(scale, numbers)
    truths = np.sqrt(truths) if scale.are_counts else truths
    return np.maximum(lower - truths, truths - upper)


def intervals_of_numbers(
    scale: NumberScale, scores: ConformalScores, numbers: Array, coverage: float
) -> tuple[Array, Array]:
    """Where the truths lie, with probability `coverage`; see `ConformalScores.intervals`.

    Args:
        scale: of the numbers.
        scores: of held-out rows, by `scores_of_numbers`.
        numbers: of each member, (num_members, num_rows, num_numbers × num_outputs_each).
        coverage: above 0, below 1.

    Returns:
        Lower and upper ends, each (num_rows, num_numbers).

    Raises:
        SettingsError: the coverage is out of range.
        DataError: there are too few held-out rows for it.
    """
    low, high = scores.intervals(*_ends(scale, numbers), coverage)
    if scale.are_counts:
        return np.square(np.maximum(low, 0)), np.square(np.maximum(high, 0))
    return low, high


def _ends(scale: NumberScale, numbers: Array) -> tuple[Array, Array]:
    """Between what the truth is expected, (…, num_numbers) each, on the scale of the scores."""
    if scale.are_counts:
        numbers = np.sqrt(numbers)
    by_quantile = scale.by_quantile(numbers)
    return by_quantile[..., 0], by_quantile[..., -1]
