"""Statistics that compare methods over data sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, wilcoxon

SHIFT = 0.01
NUM_RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A number with the interval that 95% of the resampled sets of tables give."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Standing:
    """How one method stands among others.

    Args:
        mean_rank: 1 is the best; equals share the mean of their ranks.
        win_rate: share of its meetings with another method on a table that it wins; a tie is half.
        mean_error: the shifted geometric mean of its errors.
    """

    mean_rank: Estimate
    win_rate: Estimate
    mean_error: Estimate


def standings(errors: np.ndarray) -> list[Standing]:
    """How each method stands.

    Args:
        errors: (num_tables, num_methods), at least two methods.
    """
    ranks = rankdata(errors, axis=1)
    num_others = errors.shape[1] - 1
    wins = (errors.shape[1] - ranks) / num_others  # a rank is one more than the losses
    logs = np.log(errors + SHIFT)
    resamples = np.random.RandomState(0).randint(len(errors), size=(NUM_RESAMPLES, len(errors)))

    def estimate(of_table: np.ndarray, geometric: bool = False) -> Estimate:
        means = [of_table.mean(), *np.percentile(of_table[resamples].mean(axis=1), [2.5, 97.5])]
        return Estimate(*(float(np.exp(m)) if geometric else float(m) for m in means))

    return [
        Standing(
            estimate(ranks[:, number]),
            estimate(wins[:, number]),
            estimate(logs[:, number], geometric=True),
        )
        for number in range(errors.shape[1])
    ]


@dataclass(frozen=True)
class Duel:
    """One method against another.

    Args:
        num_wins: tables on which its error is the smaller.
        num_tables: in all.
        change: of the shifted geometric mean of errors, to the other's; below 0 is better.
        probability: two-sided, of Wilcoxon's signed-rank test on logarithms of shifted errors.
        adjusted: the same with Holm's correction.
    """

    num_wins: int
    num_tables: int
    change: Estimate
    probability: float
    adjusted: float


def duels(errors: np.ndarray, others: Sequence[np.ndarray]) -> list[Duel]:
    """A method against each of several, corrected for their number.

    Args:
        errors: (num_tables,), of the method.
        others: the same of the others.
    """
    resamples = np.random.RandomState(0).randint(len(errors), size=(NUM_RESAMPLES, len(errors)))
    differences = [np.log(errors + SHIFT) - np.log(other + SHIFT) for other in others]
    probabilities = [
        float(wilcoxon(difference).pvalue) if difference.any() else 1.0
        for difference in differences
    ]
    found = []
    for other, difference, probability, adjusted in zip(
        others, differences, probabilities, holm(probabilities), strict=True
    ):
        means = difference[resamples].mean(axis=1)
        shares = np.expm1([difference.mean(), *np.percentile(means, [2.5, 97.5])])
        num_wins = int((errors < other).sum())
        change = Estimate(*map(float, shares))
        found.append(Duel(num_wins, len(errors), change, probability, adjusted))
    return found


def holm(probabilities: Sequence[float]) -> list[float]:
    """Holm's step-down correction of the probabilities of several tests, in their order."""
    order = np.argsort(probabilities)
    steps = np.asarray(probabilities)[order] * np.arange(len(probabilities), 0, -1)
    adjusted = np.empty(len(probabilities))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted.tolist()
