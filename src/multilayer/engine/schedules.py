"""How the learning rate, dropout and weight decay change: a factor for each fraction done."""

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


def log_cosine(done: float) -> float:
    """½ (1 − cos(2π log₂(1 + 15 t))): four times up and down (Holzmüller et al., 2024)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * done)))


def flat_cosine(done: float) -> float:
    """½ (1 + cos(π (max(1, 2t) − 1))): 1 for the first half, then down to 0 (likewise)."""
    return cosine(max(1.0, 2 * done) - 1)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "log_cosine": log_cosine,
}

REGULARIZATION_SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "flat_cosine": flat_cosine,
}
