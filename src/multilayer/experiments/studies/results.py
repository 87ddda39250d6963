"""What a study of variants found, as a table, a picture, sentences and JSON."""

from collections.abc import Sequence
from typing import Any

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies.variants import Measured
from multilayer.experiments.study import StudyResult
from multilayer.experiments.study_plan import StudyPlan


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
    return Series.of_intervals(
        name,
        range(len(measured)) if places is None else places,
        [one.interval for one in measured],
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


def _verdict(pair: Pair, matters: float) -> str:
    return {
        "first is better": "worse",
        "second is better": "better",
        "no difference that matters": f"no difference over {matters:g}",
        "undecided": "undecided",
    }[pair.verdict]
