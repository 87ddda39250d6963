"""Student's t distribution, and the interval of a mean that follows from it.

The degrees of freedom are whole numbers here, for which the distribution is a finite sum
(Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BISECTIONS = 200  # halves of (0, π/2) until no float lies between


@dataclass(frozen=True)
class MeanInterval:
    """A mean and the interval that holds the true one with the confidence asked for."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Of the interval."""
        return (self.high - self.low) / 2


def two_sided_tail(t: float, num_freedoms: int) -> float:
    """P(|T| > |t|) for Student's t distribution.

    Args:
        t: the statistic.
        num_freedoms: degrees of freedom, at least 1.
    """
    return max(0.0, 1 - _inner_share(math.atan2(abs(t), math.sqrt(num_freedoms)), num_freedoms))


@lru_cache
def quantile(tail: float, num_freedoms: int) -> float:
    """The t ≥ 0 for which P(|T| > t) = tail.

    Args:
        tail: above 0, below 1.
        num_freedoms: degrees of freedom, at least 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if 1 - _inner_share(middle, num_freedoms) > tail:
            low = middle
        else:
            high = middle
    return math.sqrt(num_freedoms) * math.tan(low)


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
    half_width = quantile(tail, len(values) - 1) * standard_error(values, resolution)
    return MeanInterval(mean, mean - half_width, mean + half_width)


def _inner_share(angle: float, num_freedoms: int) -> float:
    """P(|T| < √ν tan(angle)): the sums 26.7.3 (ν odd) and 26.7.4 (ν even)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    is_odd = num_freedoms % 2 == 1
    term, total = (cosine if is_odd else 1.0), 0.0
    for power in range(is_odd, num_freedoms - 1, 2):  # the sum's terms in cos¹, cos³, … or cos⁰, …
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
