"""Times of several things that take turns, and their ratios with intervals."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.experiments.study_plan import FinishedPart
from multilayer.metrics.intervals import MeanInterval, mean_interval

_SECONDS_OF_A_TURN = 0.03  # at least; shorter things are done several times


def times_in_turns(
    things: Mapping[str, Callable[[], object]], num_rounds: int
) -> dict[str, NDArray[Any]]:
    """Seconds of each thing in each round.

    What slows the machine down for a while slows all of them down, so that ratios within a round
    say more than times.

    Args:
        things: by name; each is done once before, which counts for nothing.
        num_rounds: turns of each.
    """
    repeats = {}
    for name, do in things.items():
        do()
        began = time.perf_counter()
        do()
        repeats[name] = max(1, math.ceil(_SECONDS_OF_A_TURN / (time.perf_counter() - began)))
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for number in range(num_rounds):
        names = list(things)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began = time.perf_counter()
            for _ in range(repeats[name]):
                things[name]()
            seconds[name].append((time.perf_counter() - began) / repeats[name])
    return {name: np.array(values) for name, values in seconds.items()}


def ratio_interval(times: NDArray[Any], others: NDArray[Any], tail: float = 0.05) -> MeanInterval:
    """Geometric mean of times / others over rounds, with an interval by Student's t of the logs."""
    logs = mean_interval(np.log(times / others), tail)
    return MeanInterval(math.exp(logs.mean), math.exp(logs.low), math.exp(logs.high))


def finished(thing: str, seconds: Mapping[str, NDArray[Any]]) -> list[FinishedPart]:
    """Median milliseconds as parts of a study, with what holds 95% of the rounds."""
    return [
        FinishedPart(
            f"{thing} {name}",
            f"{1e3 * float(np.median(values)):.3f}",
            "{:.3f} to {:.3f}".format(*(1e3 * np.quantile(values, [0.025, 0.975]))),
        )
        for name, values in seconds.items()
    ]
