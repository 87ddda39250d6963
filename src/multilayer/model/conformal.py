"""Conformal prediction: intervals and sets with a given coverage.

With one set of held-out rows this is split conformal prediction (Lei et al., "Distribution-free
predictive inference for regression", 2018); with one network for each of K folds it is
cross-validation+ (Barber et al., "Predictive inference with the jackknife+", 2021, and for sets
Romano et al., "Classification with valid and adaptive coverage", 2020). The former is the latter
with one fold, so that there is one implementation.

The score of a class is 1 − the probability of the true class; of a predicted number, the absolute
error; of several quantiles, how far the truth lies outside the lowest and highest, negative inside
(Romano et al., "Conformalized quantile regression", 2019). Counts and rates are scored as square
roots, whose variance hardly depends on the rate (Bartlett, "The square root transformation in
analysis of variance", 1936). Coverage is marginal: on average over new rows drawn from the same
distribution as the held-out rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.number_scale import NumberScale
from multilayer.errors import DataError, SettingsError

Array = NDArray[np.float64]

_LARGEST_STORED = 10_000  # scores of a member and output; more hardly change a quantile
_BISECTIONS = 60  # to less than a rounding error


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """Scores of held-out rows.

    Args:
        of_members: for each member of the population the scores of the rows that it was not
            trained on, (num_rows, num_outputs), each column ascending; one column for classes.
    """

    of_members: tuple[Array, ...]

    def __repr__(self) -> str:
        return f"<ConformalScores: of {self.num_rows} held-out rows>"

    @classmethod
    def of(cls, scores: Sequence[Array]) -> "ConformalScores":
        """Sort the scores of each member, (num_rows, num_outputs), keeping 10,000 at most."""
        return cls(tuple(_thinned(np.sort(each, axis=0)) for each in scores))

    @property
    def num_rows(self) -> int:
        """Number of held-out rows of all members together."""
        return sum(map(len, self.of_members))

    def intervals(self, lower: Array, upper: Array, coverage: float) -> tuple[Array, Array]:
        """Prediction intervals that hold the target with probability `coverage`.

        Args:
            lower: each member's prediction or lowest quantile, (num_members, num_rows,
                num_outputs).
            upper: each member's prediction or highest quantile, in the same shape.
            coverage: between 0 and 1, exclusive.

        Returns:
            Lower and upper ends, each (num_rows, num_outputs); both are their mean if negative
            scores would make them cross.

        Raises:
            SettingsError: the coverage is out of range.
            DataError: there are too few held-out rows for it.
        """
        rank = self.rank_of_interval(coverage)
        columns = range(lower.shape[2])
        low = np.stack([-self._smallest(-lower[:, :, j], j, rank) for j in columns], axis=1)
        high = np.stack([self._smallest(upper[:, :, j], j, rank) for j in columns], axis=1)
        middle = (low + high) / 2
        return np.minimum(low, middle), np.maximum(high, middle)

    def sets(self, probabilities: Array, coverage: float) -> NDArray[np.bool_]:
        """Prediction sets that hold the true class with probability `coverage`.

        Args:
            probabilities: of each member, (num_members, num_rows, num_classes).
            coverage: between 0 and 1, exclusive.

        Returns:
            Whether each class is in the set, (num_rows, num_classes). The most probable class
            always is; with too few held-out rows for the coverage all are.

        Raises:
            SettingsError: the coverage is out of range.
        """
        rank = self.rank(coverage)
        num_better = np.zeros(probabilities.shape[1:], np.int64)
        for scores, of_member in zip(self.of_members, probabilities, strict=True):
            num_better += np.searchsorted(scores[:, 0], 1 - of_member)
        is_in: NDArray[np.bool_] = num_better < rank
        is_in[np.arange(len(is_in)), probabilities.mean(0).argmax(-1)] = True
        return is_in

    def rank_of_interval(self, coverage: float) -> int:
        """`rank`, where there are enough held-out rows.

        Raises:
            SettingsError: the coverage is out of range.
            DataError: there are too few held-out rows for it.
        """
        rank = self.rank(coverage)
        if rank > self.num_rows:
            needed = math.ceil(coverage / (1 - coverage) - 1e-9)
            raise DataError(
                f"an interval of coverage {coverage:g} needs at least {needed} held-out rows; "
                f"this model was fitted with {self.num_rows}"
            )
        return rank

    def rank(self, coverage: float) -> int:
        """⌈coverage (n + 1)⌉, the rank of the score that is the end of the interval.

        Raises:
            SettingsError: the coverage is out of range.
        """
        is_number = isinstance(coverage, Real) and not isinstance(coverage, bool)
        if not (is_number and 0 < coverage < 1):
            raise SettingsError(f"coverage must be a number between 0 and 1; it is {coverage!r}")
        return math.ceil(coverage * (self.num_rows + 1) - 1e-9)

    def _smallest(self, predictions: Array, column: int, rank: int) -> Array:
        """The rank-th smallest of prediction + score over all members' scores, for each row."""
        scores = [of_member[:, column] for of_member in self.of_members]
        if len(scores) == 1:
            end: Array = predictions[0] + scores[0][rank - 1]
            return end
        low: Array = predictions.min(0) + min(values[0] for values in scores)
        high: Array = predictions.max(0) + max(values[-1] for values in scores)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            num_below = np.zeros(len(middle), np.int64)
            for values, centre in zip(scores, predictions, strict=True):
                num_below += np.searchsorted(values, middle - centre, side="right")
            is_enough = num_below >= rank
            high, low = np.where(is_enough, middle, high), np.where(is_enough, low, middle)
        return high


def _thinned(ascending: Array) -> Array:
    if len(ascending) <= _LARGEST_STORED:
        return ascending
    kept = np.linspace(0, len(ascending) - 1, _LARGEST_STORED).round().astype(np.int64)
    thinned: Array = ascending[kept]
    return thinned


def scores_of_numbers(scale: NumberScale, numbers: Array, truths: Array) -> Array:
    """Conformal scores of a regression; see the module.

    Args:
        scale: of the targets.
        numbers: predictions from `NumberScale.decode`, (num_rows, num_numbers × num_outputs_each).
        truths: targets, (num_rows, num_numbers).

    Returns:
        (num_rows, num_numbers).
    """
    lower, upper = _ends(scale, numbers)
    truths = np.sqrt(truths) if scale.are_counts else truths
    return np.maximum(lower - truths, truths - upper)


def intervals_of_numbers(
    scale: NumberScale, scores: ConformalScores, numbers: Array, coverage: float
) -> tuple[Array, Array]:
    """Prediction intervals that hold the truth with probability `coverage`.

    Args:
        scale: of the targets.
        scores: of held-out rows, by `scores_of_numbers`.
        numbers: predictions of each member, (num_members, num_rows,
            num_numbers × num_outputs_each).
        coverage: between 0 and 1, exclusive.

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
    """Lowest and highest prediction, each (…, num_numbers), on the scale of the scores."""
    if scale.are_counts:
        numbers = np.sqrt(numbers)
    by_quantile = scale.by_quantile(numbers)
    return by_quantile[..., 0], by_quantile[..., -1]
