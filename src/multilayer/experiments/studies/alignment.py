"""Whether sizes that are powers of two pay on this machine."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.studies.speed import finished, ratio_interval, turns_of
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan
from multilayer.metrics.intervals import MeanInterval
from multilayer.proofs.bench_cases import BenchCase
from multilayer.proofs.bench_contenders import engine

SIZES = (1024, 1025, 1026, 1028, 1032)
POWERS = (128, 256, 512, 1024)
QUICK_POWERS = (256, 1024)
NUM_ROUNDS, QUICK_ROUNDS = 15, 7
WORTH = 0.02  # a difference in time below which nobody would change a width
NUM_STEPS = 10


def study_alignment(plan: StudyPlan) -> StudySteps:
    """Products of square matrices, and the engine's step at widths about powers of two."""
    num_rounds = QUICK_ROUNDS if plan.is_quick else NUM_ROUNDS
    yield f"square matrices: {', '.join(map(str, SIZES))}"
    times, num_threads = turns_of(
        plan, "products", lambda: {str(size): _product(size) for size in SIZES}, num_rounds
    )
    work = {str(size): float(size) ** 3 for size in SIZES}
    powers = QUICK_POWERS if plan.is_quick else POWERS
    plan.finished.extend(finished("product", times))
    groups = {"product of two square matrices": (times, work, str(SIZES[0]))}
    for power in powers:
        widths = (power - 1, power, power + 1)
        yield f"784-w-10 for w = {', '.join(map(str, widths))}"
        steps, num_threads = turns_of(
            plan, f"steps at about {power}", partial(_epochs, widths), num_rounds
        )
        steps = {name: seconds / NUM_STEPS for name, seconds in steps.items()}
        plan.finished.extend(finished("step", steps))
        groups[f"training step at widths about {power}"] = (
            steps,
            {str(width): float(width) for width in widths},
            str(power),
        )
    num_ratios = sum(len(one[0]) - 1 for one in groups.values())
    rows: list[list[str]] = []
    found: dict[str, dict[str, MeanInterval]] = {}
    for title, (seconds, work, base) in groups.items():
        found[title] = {}
        reference = seconds[base] / work[base]
        for name, values in seconds.items():
            per_work = values / work[name]
            ratio = ratio_interval(per_work, reference, 0.05 / num_ratios)
            is_power = name == base
            if not is_power:
                found[title][name] = ratio
            rows.append(
                [
                    f"{title}: {name}",
                    f"{1e3 * float(np.median(values)):.3f}",
                    "1" if is_power else f"{ratio.mean:.3f}",
                    "" if is_power else f"{ratio.low:.3f} to {ratio.high:.3f}",
                    "power of two" if is_power else _verdict(ratio),
                ]
            )
    return StudyResult(
        "Powers of two: time for the same amount of work",
        ["what was timed", "milliseconds", "ratio to the power of two, for the same work",
         "interval", "verdict"],
        rows,
        alignment_in_words(found, num_rounds, num_threads),
        [_panel(title, seconds, groups[title][1], groups[title][2], num_ratios)
         for title, (seconds, _, _) in groups.items()],
        {"seconds": {
            title: {name: values.tolist() for name, values in one[0].items()}
            for title, one in groups.items()}},
    )  # fmt: skip


def _product(size: int) -> Callable[[], object]:
    source = torch.Generator().manual_seed(0)
    left = torch.randn(size, size, generator=source)
    right = torch.randn(size, size, generator=source)
    out = torch.empty(size, size)
    return lambda: torch.mm(left, right, out=out)


def _epochs(widths: Sequence[int]) -> dict[str, Callable[[], object]]:
    return {str(width): _epoch(width) for width in widths}


def _epoch(width: int) -> Callable[[], object]:
    case = BenchCase(f"width {width}", (784, width, 10), "sgd", 0.1, 256, NUM_STEPS)
    contender = engine(case, *case.examples())
    return lambda: contender.train(1)


def _verdict(ratio: MeanInterval) -> str:
    if ratio.low > 1 + WORTH:
        return "slower"
    if ratio.high < 1 - WORTH:
        return "faster"
    if ratio.high < 1 + WORTH and ratio.low > 1 - WORTH:
        return f"no difference over {WORTH:.0%}"
    return "undecided"


def alignment_in_words(
    found: dict[str, dict[str, MeanInterval]], num_rounds: int, num_threads: int
) -> str:
    """Whether powers of two pay, by the ratios of the sizes beside them.

    Args:
        found: ratio of time for the same work by size, in each thing that was timed.
        num_rounds: how often each was timed.
        num_threads: that it was timed on.
    """
    sentences = []
    for title, ratios in found.items():
        verdicts = {name: _verdict(ratio) for name, ratio in ratios.items()}
        worst = max(ratios, key=lambda name: ratios[name].mean)
        cost = (
            f"{worst}, takes {ratios[worst].mean:.2f} times as long as the power of two for the "
            f"same work (interval {ratios[worst].low:.2f} to {ratios[worst].high:.2f})"
        )
        slower, faster, undecided = (
            [name for name, verdict in verdicts.items() if verdict == wanted]
            for wanted in ("slower", "faster", "undecided")
        )
        found_here = [
            f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {how} than the power of two"
            for names, how in ((slower, "slower"), (faster, "faster"))
            if names
        ]
        if undecided:
            found_here.append(
                f"for {', '.join(undecided)} the times vary too much to exclude a difference of "
                f"more than {WORTH:.0%}"
            )
        if not found_here:
            found_here = [f"no size differs from the power of two by more than {WORTH:.0%}"]
        sentences.append(f"{title.capitalize()}: {'; '.join(found_here)}. The slowest, {cost}.")
    pays = any(
        _verdict(ratio) == "slower" for ratios in found.values() for ratio in ratios.values()
    )
    begin = (
        "On this machine powers of two are faster in some cases."
        if pays
        else "On this machine powers of two were not shown to be faster."
    )
    return (
        f"{begin} {' '.join(sentences)} Each was timed in {num_rounds} rounds, in turns; the "
        "intervals hold jointly with 95% confidence. A training step is the engine's, with a batch "
        f"of 256 rows; number of threads: {num_threads}."
    )


def _panel(
    title: str,
    seconds: dict[str, NDArray[np.float64]],
    work: dict[str, float],
    power: str,
    num_ratios: int,
) -> Panel:
    reference = seconds[power] / work[power]
    ratios = [
        ratio_interval(values / work[name], reference, 0.05 / num_ratios)
        for name, values in seconds.items()
    ]
    points = Series.of_intervals("", range(len(seconds)), ratios, is_line=False)
    return Panel(
        title.capitalize(), "size", "time for the same work\n(power of two = 1)", [points],
        categories=list(seconds),
    )  # fmt: skip
