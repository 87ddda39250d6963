"""Variants of one thing, trained over the same seeds and held against one of them."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.drawing.panels import Panel, Series
from multilayer.engine.network import Network
from multilayer.engine.settings import SETTINGS_OF_A_MEMBER, TrainingSettings
from multilayer.experiments.repetitions import Repetitions, repeat
from multilayer.experiments.sequential import Pair, SequentialComparison
from multilayer.experiments.study import StudyResult
from multilayer.experiments.study_plan import FinishedPart, StudyInterruptedError, StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval


@dataclass(frozen=True)
class Variant:
    """One of the things to compare."""

    name: str
    settings: TrainingSettings


@dataclass(frozen=True, eq=False)
class Measured:
    """A variant and how it did.

    Attributes:
        variant: what it was.
        scores: the study's metric on the rows held out, (num_seeds,). An R² below 0, as after
            divergence, counts as 0, which is that of predicting the mean.
        curves: the same after each epoch, (num_epochs, num_seeds); empty unless asked for.
        num_parameters: of one network.
        num_diverged: seeds whose loss is no number.
        seconds: of training one network for an epoch, side by side with the others.
        resolution: step between scores that can be told apart.
        network: the trained networks, one for each seed.
    """

    variant: Variant
    scores: NDArray[Any]
    curves: NDArray[Any]
    num_parameters: int
    num_diverged: int
    seconds: float
    resolution: float
    network: Network

    @property
    def interval(self) -> MeanInterval:
        """Of the mean score, 95%."""
        return mean_interval(self.scores, resolution=self.resolution)


def measure(
    plan: StudyPlan,
    variants: Sequence[Variant],
    *,
    with_curves: bool = False,
    seeds: Sequence[int] | None = None,
) -> Generator[str, None, list[Measured]]:
    """Train every variant over all seeds; those of one shape together, as one population.

    Args:
        plan: of the study.
        variants: with names that differ.
        with_curves: whether scores are wanted after each epoch.
        seeds: None: as many as the plan says, from 0 on.

    Yields:
        What is trained now.

    Returns:
        The variants in their order, and how they did.

    Raises:
        StudyInterruptedError: the plan's stop was set.
    """
    seeds = range(plan.num_seeds) if seeds is None else seeds
    measured: dict[str, Measured] = {}
    groups: dict[TrainingSettings, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(_shape(variant.settings), []).append(variant)
    for group in groups.values():
        yield f"{', '.join(variant.name for variant in group)}: {len(seeds)} seeds"
        members = [replace(variant.settings, seed=seed) for variant in group for seed in seeds]
        trained = repeat(plan.rows, members, with_curves=with_curves, stop=plan.stop)
        if trained.is_interrupted:
            raise StudyInterruptedError
        for number, variant in enumerate(group):
            found = _of(plan, variant, trained, number, len(seeds))
            measured[variant.name] = found
            interval = found.interval
            plan.finished.append(
                FinishedPart(
                    variant.name,
                    f"{interval.mean:.4f}",
                    f"{interval.low:.4f} to {interval.high:.4f}",
                )
            )
    return [measured[variant.name] for variant in variants]


def against(measured: Sequence[Measured], reference: int, plan: StudyPlan) -> dict[int, Pair]:
    """Each variant but one against that one, corrected by Holm's method."""
    others = [number for number in range(len(measured)) if number != reference]
    rule = SequentialComparison(
        len(measured),
        [plan.num_seeds],
        plan.matters,
        measured[0].resolution,
        [(reference, number) for number in others],
    )
    pairs = rule.look([one.scores for one in measured])
    return {pair.second: pair for pair in pairs}


def study_result(
    title: str,
    column: str,
    subject: str,
    measured: Sequence[Measured],
    pairs: dict[int, Pair],
    reference: int,
    plan: StudyPlan,
    more: str,
    panels: Sequence[Panel],
) -> StudyResult:
    """The result of a study whose variants are all compared with one of them, the reference.

    `column` heads the first column of the table; `subject` is what the variants differ in, in a
    sentence; `more` are sentences after those of `in_words`.
    """
    return StudyResult(
        f"{title}: {plan.in_words}",
        headers(column, measured[reference], plan),
        rows(measured, pairs, plan.matters),
        f"{in_words(subject, measured, pairs, reference, plan)} {more}",
        panels,
        document(measured),
    )


def scores_panel(
    measured: Sequence[Measured], plan: StudyPlan, xlabel: str,
    places: Sequence[float] | None = None, *, is_log_x: bool = False,
) -> Panel:  # fmt: skip
    """The scores of all variants, at places along x or by their names."""
    names = [one.variant.name for one in measured] if places is None else ()
    return Panel(plan.panel_title, xlabel, plan.metric, [series(measured, places)], names, is_log_x)


def curves_panel(measured: Sequence[Measured], plan: StudyPlan, unit: str = "") -> Panel:
    """The mean score after each epoch; the legend has the variants' names with a unit."""
    lines = [
        Series(f"{one.variant.name}{unit}", range(1, len(one.curves) + 1),
               one.curves.mean(1).tolist())
        for one in measured
    ]  # fmt: skip
    return Panel("Learning curves", "epoch", f"mean {plan.metric}", lines)


def seconds_panel(measured: Sequence[Measured], xlabel: str, places: Sequence[float]) -> Panel:
    """Seconds an epoch of one network, both axes logarithmic."""
    line = Series("", places, [one.seconds for one in measured])
    return Panel("Time", xlabel, "seconds an epoch and network", [line], (), True, True)


def headers(thing: str, reference: Measured, plan: StudyPlan) -> list[str]:
    """Of the table that `rows` makes."""
    return [
        thing, plan.metric, "95% interval", f"against {reference.variant.name}", "95% interval",
        "verdict", "parameters", "seconds an epoch",
    ]  # fmt: skip


def rows(measured: Sequence[Measured], pairs: dict[int, Pair], matters: float) -> list[list[str]]:
    """A row for each variant."""
    table = []
    for number, one in enumerate(measured):
        interval, pair = one.interval, pairs.get(number)
        table.append(
            [
                one.variant.name,
                f"{interval.mean:.4f}",
                f"{interval.low:.4f} to {interval.high:.4f}",
                f"{pair.difference.mean:+.4f}" if pair else "",
                f"{pair.difference.low:+.4f} to {pair.difference.high:+.4f}" if pair else "",
                _verdict(pair, matters) if pair else "reference",
                f"{one.num_parameters:,}",
                f"{one.seconds:.3f}",
            ]
        )
    return table


def in_words(
    thing: str,
    measured: Sequence[Measured],
    pairs: dict[int, Pair],
    reference: int,
    plan: StudyPlan,
) -> str:
    """What was found, and how sure it is."""
    name = measured[reference].variant.name
    best = max(range(len(measured)), key=lambda number: measured[number].interval.mean)
    interval = measured[best].interval
    subject = f"{thing[0].upper()}{thing[1:]} {measured[best].variant.name}"
    mean = f"{interval.mean:.4f} (95% interval {interval.low:.4f} to {interval.high:.4f})"
    sentences = [f"{subject} has the highest mean {plan.metric}, {mean}."]
    for verdict, words in (
        ("second is better", f"better than {name}"),
        ("first is better", f"worse than {name}"),
        (
            "no difference that matters",
            f"no different from {name} by more than {plan.matters:g}",
        ),
        ("undecided", f"not distinguished from {name} by {plan.num_seeds} seeds"),
    ):
        found = [
            f"{measured[number].variant.name} ({pair.difference.mean:+.4f})"
            for number, pair in pairs.items()
            if pair.verdict == verdict
        ]
        if found:
            sentences.append(f"{words[0].upper()}{words[1:]}: {', '.join(found)}.")
    diverged = [f"{one.variant.name} at {one.num_diverged}" for one in measured if one.num_diverged]
    if diverged:
        counts = ", each counted as an R² of 0" if plan.metric == "R²" else ""
        sentences.append(f"Diverged: {', '.join(diverged)} of {plan.num_seeds} seeds{counts}.")
    corrected = (
        f"; claims of a difference, and claims of no difference, are corrected for {len(pairs)} "
        "pairs by Holm's method"
    )
    sentences.append(
        f"All used the same {plan.num_seeds} seeds; the verdicts hold with 95% confidence"
        f"{corrected if len(pairs) > 1 else ''}."
    )
    return " ".join(sentences)


def series(
    measured: Sequence[Measured], places: Sequence[float] | None = None, name: str = ""
) -> Series:
    """The scores as points with intervals; places None: categories."""
    intervals = [one.interval for one in measured]
    return Series(
        name,
        range(len(measured)) if places is None else places,
        [interval.mean for interval in intervals],
        [interval.low for interval in intervals],
        [interval.high for interval in intervals],
        dots=[one.scores.tolist() for one in measured],
        is_line=places is not None,
    )


def document(measured: Sequence[Measured]) -> dict[str, Any]:
    """All scores by name."""
    return {
        "variants": [
            {
                "name": one.variant.name,
                "scores": one.scores.tolist(),
                "curves": one.curves.tolist(),
                "num_parameters": one.num_parameters,
                "num_diverged": one.num_diverged,
                "seconds_an_epoch": one.seconds,
            }
            for one in measured
        ]
    }


def _shape(settings: TrainingSettings) -> TrainingSettings:
    """The settings without what members of a population may differ in."""
    default = TrainingSettings()
    return replace(settings, **{name: getattr(default, name) for name in SETTINGS_OF_A_MEMBER})


def _of(
    plan: StudyPlan, variant: Variant, trained: Repetitions, number: int, num_seeds: int
) -> Measured:
    part = slice(number * num_seeds, (number + 1) * num_seeds)
    num_networks = len(trained.settings)
    scores, curves = trained.scores[plan.metric][part], trained.curves[:, part]
    if plan.metric == "R²":
        scores, curves = (np.nan_to_num(values).clip(min=0) for values in (scores, curves))
    return Measured(
        variant,
        scores,
        curves,
        trained.network.spec.num_parameters,
        int(trained.is_diverged[part].sum()),
        trained.seconds / num_networks / max(1, len(trained.train_losses)),
        plan.rows.resolution(plan.metric, trained.num_scored_rows),
        Network.of(trained.network.spec, trained.network.parameters[part]),
    )


def _verdict(pair: Pair, matters: float) -> str:
    return {
        "first is better": "worse",
        "second is better": "better",
        "no difference that matters": f"no difference over {matters:g}",
        "undecided": "undecided",
    }[pair.verdict]
