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
    groups = {"product of matrices": (times, work, str(SIZES[0]))}
    for power in powers:
        widths = (power - 1, power, power + 1)
        yield f"784-w-10 for w = {', '.join(map(str, widths))}"
        steps, num_threads = turns_of(
            plan, f"steps at about {power}", partial(_epochs, widths), num_rounds
        )
        steps = {name: seconds / NUM_STEPS for name, seconds in steps.items()}
        plan.finished.extend(finished("step", steps))
        groups[f"step at about {power}"] = (
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
        "Powers of two: time for the same work beside them",
        ["", "milliseconds", "time for the same work, against the power of two", "interval", ""],
        rows,
        _paragraph(found, num_rounds, num_threads),
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


def _paragraph(found: dict[str, dict[str, MeanInterval]], num_rounds: int, num_threads: int) -> str:
    sentences = []
    for title, ratios in found.items():
        verdicts = {name: _verdict(ratio) for name, ratio in ratios.items()}
        worst = max(ratios, key=lambda name: ratios[name].mean)
        cost = (
            f"{worst} takes {ratios[worst].mean:.2f} times as long for the same work "
            f"({ratios[worst].low:.2f} to {ratios[worst].high:.2f})"
        )
        slower = [name for name, verdict in verdicts.items() if verdict == "slower"]
        if slower:
            sentences.append(
                f"{title.capitalize()}: the power of two pays; slower are {', '.join(slower)}, and "
                f"{cost}."
            )
        elif all(verdict != "undecided" for verdict in verdicts.values()):
            sentences.append(f"{title.capitalize()}: the power of two does not pay; {cost}.")
        else:
            sentences.append(
                f"{title.capitalize()}: no gain from the power of two was shown, and none over "
                f"{WORTH:.0%} is excluded for all; {cost}."
            )
    pays = any(
        _verdict(ratio) == "slower" for ratios in found.values() for ratio in ratios.values()
    )
    verdict = "pay in places" if pays else "were not seen to pay"
    return (
        f"Powers of two {verdict} on this machine. {' '.join(sentences)} {num_rounds} rounds in "
        "turns; the intervals hold together with 95%. A step is the engine's, with batches of 256; "
        f"{num_threads} threads."
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
    return Panel(title, "size", "time for the same work", [points], categories=list(seconds))
