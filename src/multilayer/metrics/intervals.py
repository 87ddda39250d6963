"""Confidence intervals of means (Student's t) and of accuracies (Wilson, 1927)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Z_95 = 1.959963984540054  # the normal distribution has 95% within this many deviations


@dataclass(frozen=True)
class MeanInterval:
    """A mean and its confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Of the interval."""
        return (self.high - self.low) / 2


def two_sided_tail(t: float, num_freedoms: int) -> float:
    """P(|T| > |t|) for Student's t distribution with `num_freedoms` degrees of freedom."""
    from scipy.special import stdtr

    return float(2 * stdtr(num_freedoms, -abs(t)))


def standard_error(values: NDArray[Any], resolution: float = 0.0) -> float:
    """Standard error of the mean of independent values.

    Args:
        values: (num_values,), at least two.
        resolution: the step between values that can be told apart. The variance of rounding,
            resolution² / 12, is added, so that a few values that happen to be equal are not taken
            for certainty.
    """
    variance = float(np.var(values, ddof=1)) + resolution**2 / 12
    return math.sqrt(variance / len(values))


def mean_interval(
    values: NDArray[Any], tail: float = 0.05, resolution: float = 0.0
) -> MeanInterval:
    """Mean of independent values with its interval by Student's t.

    Args:
        values: (num_values,); of a single one nothing is known, and the interval is infinite.
        tail: the probability that the interval misses the true mean.
        resolution: see `standard_error`.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return MeanInterval(mean, -math.inf, math.inf)
    from scipy.special import stdtrit

    quantile = -float(stdtrit(len(values) - 1, tail / 2))
    half_width = quantile * standard_error(values, resolution)
    return MeanInterval(mean, mean - half_width, mean + half_width)


def wilson_interval(num_right: int, num_tries: int) -> tuple[float, float]:
    """95% interval of a share: the p for which the observed share is within z deviations.

    centre = (p̂ + z²/2n) / (1 + z²/n), half width = z √(p̂(1−p̂)/n + z²/4n²) / (1 + z²/n).
    """
    share, spread = num_right / num_tries, _Z_95**2 / num_tries
    centre = (share + spread / 2) / (1 + spread)
    variance = share * (1 - share) / num_tries + (spread / (2 * _Z_95)) ** 2
    half_width = _Z_95 * math.sqrt(variance) / (1 + spread)
    return max(0.0, centre - half_width), min(1.0, centre + half_width)
