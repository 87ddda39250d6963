"""How fast the network from scratch, PyTorch's API and the engine are as the network grows."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.book import SGD, MLPScratch
from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_figures import Figure, Thing
from multilayer.experiments.study_plan import FinishedPart, StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval
from multilayer.proofs.bench_cases import BenchCase, Contender
from multilayer.proofs.bench_contenders import Array, book_trainer, engine, gathered_batches

WIDTHS = (32, 64, 128, 256, 512, 1024, 2048)
QUICK_WIDTHS = (64, 256, 1024)
NUM_ROUNDS, QUICK_ROUNDS = 9, 5
NUM_STEPS = 20
_SECONDS_OF_A_TURN = 0.03  # at least; shorter things are done several times


def study_speed(plan: StudyPlan) -> StudySteps:
    """A training step of 784-w-10 in three ways, in turns."""
    widths = QUICK_WIDTHS if plan.is_quick else WIDTHS
    num_rounds = QUICK_ROUNDS if plan.is_quick else NUM_ROUNDS
    by_width: dict[int, dict[str, NDArray[np.float64]]] = {}
    for width in widths:
        yield f"784-{width}-10: {num_rounds} rounds"
        times, num_threads = turns_of(
            plan, f"784-{width}-10", partial(_epochs_of, width), num_rounds
        )
        by_width[width] = {name: seconds / NUM_STEPS for name, seconds in times.items()}
        plan.finished.extend(finished(f"784-{width}-10", by_width[width]))
    names = list(by_width[widths[0]])
    rows, api, scratch = [], [], []
    for width, times in by_width.items():
        api.append(ratio_interval(times["API"], times["engine"]))
        scratch.append(ratio_interval(times["scratch"], times["engine"]))
        medians = [f"{1e3 * float(np.median(times[name])):.3f}" for name in names]
        rows.append([str(width), *medians, _shown(scratch[-1]), _shown(api[-1])])
    lines = [
        Series(name, widths, [1e3 * float(np.median(by_width[w][name])) for w in widths],
               [1e3 * float(by_width[w][name].min()) for w in widths],
               [1e3 * float(by_width[w][name].max()) for w in widths])
        for name in names
    ]  # fmt: skip
    return StudyResult(
        "Time of a training step: from scratch, PyTorch's API, engine",
        ["width", *(f"{name}, ms" for name in names), "scratch / engine", "API / engine"],
        rows,
        f"At width {widths[0]} a step of the network from scratch took {_times(scratch[0])} as "
        f"long as the engine's, and a step with PyTorch's API {_times(api[0])}; at width "
        f"{widths[-1]} they took {_times(scratch[-1])} and {_times(api[-1])} as long. "
        f"{_trend(api)} In parentheses: 95% intervals over {num_rounds} rounds. Batches of 256 "
        "rows, plain gradient descent, float32; the network from scratch is driven by a plain "
        "loop, that of the API by the book's Trainer. Number of threads: "
        f"{num_threads}.",
        [
            Panel("Time of a step; bars: fastest to slowest round", "width", "milliseconds", lines,
                  is_log_x=True, is_log_y=True),
            Panel("Time of a step, compared with the engine", "width", "times as long",
                  [Series.of_intervals("scratch", widths, scratch),
                   Series.of_intervals("API", widths, api)],
                  is_log_x=True),
        ],
        {"step_seconds": {
            str(width): {name: seconds.tolist() for name, seconds in times.items()}
            for width, times in by_width.items()}},
    )  # fmt: skip


def _epochs_of(width: int) -> dict[str, Callable[[], object]]:
    case = BenchCase(f"width {width}", (784, width, 10), "sgd", 0.1, 256, NUM_STEPS)
    inputs, targets = case.examples()
    contenders = {
        "scratch": _scratch(case, inputs, targets),
        "API": book_trainer(case, inputs, targets),
        "engine": engine(case, inputs, targets),
    }
    return {name: (lambda c=one: c.train(1)) for name, one in contenders.items()}  # type: ignore[misc]


def _scratch(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """The chapter's network of plain tensors, with its own descent."""
    model = MLPScratch(case.widths[0], case.widths[-1], case.widths[1], case.learning_rate)
    descent = SGD(list(model.parameters()), case.learning_rate)
    batches = gathered_batches(case, inputs, targets)

    def run(num_epochs: int) -> None:
        for _ in range(num_epochs):
            for rows, classes in batches():
                loss = model.loss(model(rows), classes)
                descent.zero_grad()
                loss.backward()
                with torch.no_grad():
                    descent.step()

    return Contender(run)


def _shown(ratio: MeanInterval) -> str:
    return f"{ratio.mean:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _times(ratio: MeanInterval) -> str:
    return f"{ratio.mean:.2f} times ({ratio.low:.2f} to {ratio.high:.2f})"


def _trend(ratios: list[MeanInterval]) -> str:
    if ratios[-1].high < ratios[0].low:
        return (
            "The lead of the engine over the API shrinks as the network grows, as the matrix "
            "products, which both compute, come to take most of the time."
        )
    if ratios[-1].low > ratios[0].high:
        return "The lead of the engine over the API grows with the network."
    return "The lead of the engine over the API was not shown to depend on the width."


def turns_of(
    plan: StudyPlan,
    name: str,
    things: Callable[[], Mapping[str, Callable[[], object]]],
    num_rounds: int,
) -> tuple[dict[str, NDArray[Any]], int]:
    """Seconds of each thing in each round, unless they are known, and threads that it had.

    Args:
        plan: of the study.
        name: of what is measured.
        things: makes what is to be timed.
        num_rounds: turns of each.
    """

    def measure(asked: Sequence[Thing]) -> list[Figure]:
        seconds = {
            thing: values.tolist() for thing, values in times_in_turns(things(), num_rounds).items()
        }
        return [{"seconds": seconds, "num_threads": torch.get_num_threads()} for _ in asked]

    [figure] = plan.figures.get([(f"{name}: {num_rounds} rounds in turns", 0)], measure)
    times = {thing: np.array(values) for thing, values in figure["seconds"].items()}
    return times, figure["num_threads"]


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
