"""Intervals and sets that hold the truth with a coverage asked for, without a model of the noise.

The scores of rows that a network has not learned from say how far it is off. With one network and
one set of held-out rows this is split conformal prediction (Lei et al., "Distribution-free
predictive inference for regression", 2018); with one network for each of K folds it is
cross-validation+ (Barber et al., "Predictive inference with the jackknife+", 2021, and for sets
Romano et al., "Classification with valid and adaptive coverage", 2020). Split prediction is
cross-validation+ with one fold, so that there is one implementation.

Scores of classes are 1 − probability of the true class. One answer for a number is scored by its
distance from the truth. The lowest and the highest of several quantiles are scored by how far the
truth lies outside them, below 0 inside (Romano et al., "Conformalized quantile regression", 2019).
Counts and their rates are scored as square roots, whose scatter is about the same at all rates
(Bartlett, "The square root transformation in analysis of variance", 1936).
The promise is for new rows drawn as the held-out ones were, on average over rows.
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

_LARGEST_STORED = 10_000  # scores of a member and output; more would not move a quantile visibly
_BISECTIONS = 60  # halves the range of candidates to less than a rounding error


@dataclass(frozen=True, eq=False)
class ConformalScores:
    """Scores of held-out rows.

    Args:
        of_members: for each member of the population the scores of the rows that it was not
            trained on, (num_rows, num_outputs), each column in ascending order. Sets of classes
            have one column.
    """

    of_members: tuple[Array, ...]

    def __repr__(self) -> str:
        return f"<ConformalScores: of {self.num_rows} held-out rows>"

    @classmethod
    def of(cls, scores: Sequence[Array]) -> "ConformalScores":
        """Sort scores (num_rows, num_outputs) of each member; very many are thinned out evenly."""
        return cls(tuple(_thinned(np.sort(each, axis=0)) for each in scores))

    @property
    def num_rows(self) -> int:
        """Held-out rows of all members together."""
        return sum(map(len, self.of_members))

    def intervals(self, lower: Array, upper: Array, coverage: float) -> tuple[Array, Array]:
        """Where the target of each row lies, with probability `coverage`.

        Args:
            lower: what is predicted, or the lower end of what is, by each member: (num_members,
                num_rows, num_outputs).
            upper: the same, or the upper end.
            coverage: above 0, below 1.

        Returns:
            Lower and upper ends, each (num_rows, num_outputs). Where scores below 0 would make
            them cross, both are the middle.

        Raises:
            SettingsError: the coverage is out of range.
            DataError: there are too few held-out rows for it.
        """
        rank = self._rank(coverage)
        if rank > self.num_rows:
            needed = math.ceil(coverage / (1 - coverage) - 1e-9)
            raise DataError(
                f"an interval of coverage {coverage:g} needs at least {needed} held-out rows; "
                f"this model was fitted with {self.num_rows}"
            )
        columns = range(lower.shape[2])
        low = np.stack([-self._smallest(-lower[:, :, j], j, rank) for j in columns], axis=1)
        high = np.stack([self._smallest(upper[:, :, j], j, rank) for j in columns], axis=1)
        middle = (low + high) / 2
        return np.minimum(low, middle), np.maximum(high, middle)

    def sets(self, probabilities: Array, coverage: float) -> NDArray[np.bool_]:
        """Which classes may be the true one, so that it is among them with this probability.

        Args:
            probabilities: of each member, (num_members, num_rows, num_classes).
            coverage: above 0, below 1.

        Returns:
            (num_rows, num_classes); the most probable class is always in. With too few held-out
            rows for the coverage, all classes are.

        Raises:
            SettingsError: the coverage is out of range.
        """
        rank = self._rank(coverage)
        num_better = np.zeros(probabilities.shape[1:], np.int64)
        for scores, of_member in zip(self.of_members, probabilities, strict=True):
            num_better += np.searchsorted(scores[:, 0], 1 - of_member)
        is_in: NDArray[np.bool_] = num_better < rank
        is_in[np.arange(len(is_in)), probabilities.mean(0).argmax(-1)] = True
        return is_in

    def _rank(self, coverage: float) -> int:
        """⌈coverage (n + 1)⌉: which of the n values in ascending order is the end."""
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
