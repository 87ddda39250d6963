"""How sure a share of right answers is (Wilson, 1927)."""

import math

_Z_95 = 1.959963984540054  # the normal distribution has 95% within this many deviations


def wilson_interval(num_right: int, num_tries: int) -> tuple[float, float]:
    """95% interval of a share: the p for which the observed share is within z deviations.

    centre = (p̂ + z²/2n) / (1 + z²/n), half width = z √(p̂(1−p̂)/n + z²/4n²) / (1 + z²/n).
    """
    share, spread = num_right / num_tries, _Z_95**2 / num_tries
    centre = (share + spread / 2) / (1 + spread)
    variance = share * (1 - share) / num_tries + (spread / (2 * _Z_95)) ** 2
    half_width = _Z_95 * math.sqrt(variance) / (1 + spread)
    return max(0.0, centre - half_width), min(1.0, centre + half_width)
