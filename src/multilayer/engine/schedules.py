"""How the learning rate changes while training: a factor for each fraction of it done."""

import math
from collections.abc import Callable


def constant(_: float) -> float:
    """1 throughout."""
    return 1.0


def cosine(done: float) -> float:
    """½ (1 + cos(π t)): from 1 to 0 (Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * done))


def one_cycle(done: float) -> float:
    """Up from 1/25 in the first quarter, by a cosine, then down to 0 (Smith and Topin, 2018)."""
    rising = 0.25
    if done < rising:
        return 1 - (1 - 1 / 25) * cosine(done / rising)
    return cosine((done - rising) / (1 - rising))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
