"""Deciding between settings as seeds come in, with an error rate that holds whenever one stops.

Each seed gives every setting a score on the same rows, and two settings are compared by the
differences of their scores seed by seed. After 5, 10, 20, … seeds one looks. That is a
group-sequential test with the error rate spent in equal parts over the looks planned: an interval
by Student's t at each of K looks misses with probability α / K, so that all of them together hold
with 1 − α (Bonferroni's inequality; spending: Lan and DeMets, 1983). Looks are dependent, so the
true error rate is lower. The price, compared with a single look at the end, is an interval wider by
a quarter.

With several pairs, claims of a difference are corrected among themselves by Holm's method (1979),
and so are claims that no difference matters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import SettingsError
from multilayer.metrics.intervals import MeanInterval, mean_interval, standard_error, two_sided_tail

Verdict = Literal["first is better", "second is better", "no difference that matters", "undecided"]

ERROR_RATE = 0.05
FEWEST_SEEDS = 5


@dataclass(frozen=True)
class Pair:
    """What is known about two settings.

    Attributes:
        first: number of a setting, from 0.
        second: number of another.
        num_seeds: that have been looked at.
        difference: mean of score of the second minus score of the first, with an interval that
            holds the true mean at all looks together with 95%. Higher scores are better.
        p_difference: for the hypothesis that the true difference is 0, all looks considered.
        p_negligible: for the hypothesis that it is at least as large as what matters, likewise.
        verdict: after Holm's correction; once there is one it stays.
    """

    first: int
    second: int
    num_seeds: int
    difference: MeanInterval
    p_difference: float
    p_negligible: float
    verdict: Verdict


class SequentialComparison:
    """Compares settings at planned looks.

    Args:
        num_settings: how many.
        looks: numbers of seeds after which one looks, rising.
        matters: the smallest difference of scores that matters, above 0.
        resolution: step between scores that can be told apart, see `intervals.standard_error`.
        pairs: numbers of the settings to compare; None: all pairs.

    Attributes:
        pairs: what was known at the last look.
    """

    def __init__(
        self,
        num_settings: int,
        looks: Sequence[int],
        matters: float,
        resolution: float = 0.0,
        pairs: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        check_matters(matters)
        self.looks, self.matters = tuple(looks), matters
        self._resolution = resolution * 2**0.5  # of a difference of two scores
        self._numbers = list(pairs or combinations(range(num_settings), 2))
        self.pairs: list[Pair] = []

    @property
    def is_decided(self) -> bool:
        """Whether every pair has a verdict."""
        return bool(self.pairs) and all(pair.verdict != "undecided" for pair in self.pairs)

    @property
    def undecided_settings(self) -> list[int]:
        """The settings that more seeds could say something about."""
        if not self.pairs:
            return sorted({number for pair in self._numbers for number in pair})
        open_pairs = [pair for pair in self.pairs if pair.verdict == "undecided"]
        return sorted({number for pair in open_pairs for number in (pair.first, pair.second)})

    def look(self, scores: Sequence[NDArray[Any]]) -> list[Pair]:
        """Look at the scores so far.

        Args:
            scores: of each setting, (num_seeds,), the seeds in one order for all. A setting whose
                pairs are all decided may have fewer.

        Returns:
            The pairs.
        """
        known = {(pair.first, pair.second): pair for pair in self.pairs}
        pairs = []
        for first, second in self._numbers:
            pair = known.get((first, second))
            if pair is None or pair.verdict == "undecided":
                pair = self._compare(first, second, scores[second] - scores[first])
            pairs.append(pair)
        self.pairs = self._decide(pairs)
        return self.pairs

    def _compare(self, first: int, second: int, differences: NDArray[Any]) -> Pair:
        num_looks, num_freedoms = len(self.looks), len(differences) - 1
        interval = mean_interval(differences, ERROR_RATE / num_looks, self._resolution)
        error = standard_error(differences, self._resolution)

        def p_value(distance: float) -> float:
            if error == 0:
                return 0.0 if distance else 1.0
            return min(1.0, num_looks * two_sided_tail(distance / error, num_freedoms))

        return Pair(
            first,
            second,
            len(differences),
            interval,
            p_value(abs(interval.mean)),
            p_value(max(0.0, self.matters - abs(interval.mean))),
            "undecided",
        )

    def _decide(self, pairs: list[Pair]) -> list[Pair]:
        differ = holm([pair.p_difference for pair in pairs])
        negligible = holm([pair.p_negligible for pair in pairs])
        decided = []
        for pair, p_differ, p_negligible in zip(pairs, differ, negligible, strict=True):
            verdict = pair.verdict
            if verdict == "undecided":
                if p_negligible <= ERROR_RATE:
                    verdict = "no difference that matters"
                elif p_differ <= ERROR_RATE:
                    is_second = pair.difference.mean > 0
                    verdict = "second is better" if is_second else "first is better"
            decided.append(replace(pair, verdict=verdict))
        return decided


def check_matters(matters: float | None) -> None:
    """Raise SettingsError for a smallest difference that is given and no number above 0."""
    if matters is not None and not 0 < matters < math.inf:
        raise SettingsError(f"matters must be a number above 0; it is {matters}")


def looks_up_to(max_seeds: int) -> tuple[int, ...]:
    """5, 10, 20, … seeds, and at last `max_seeds`.

    Raises:
        SettingsError: it is below 5, from which on Student's t is worth anything.
    """
    if max_seeds < FEWEST_SEEDS:
        raise SettingsError(
            f"max_seeds must be at least {FEWEST_SEEDS} for anything to be said; it is {max_seeds}"
        )
    looks = []
    number = FEWEST_SEEDS
    while number < max_seeds:
        looks.append(number)
        number *= 2
    return (*looks, max_seeds)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979).

    Returns:
        p values that may each be held against the error rate for all together, in the same order.
    """
    order = np.argsort(p_values, kind="stable")
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for place, number in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = largest
    return corrected
