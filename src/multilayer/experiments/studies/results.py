"""What a study of variants found, as a table, a picture, sentences and JSON."""

from collections.abc import Sequence
from typing import Any

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies.variants import Measured
from multilayer.experiments.study import StudyResult
from multilayer.experiments.study_plan import StudyPlan

WHAT_IS_DRAWN = "(bars: 95% interval of the mean; grey: single seeds)"


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

    `column` heads the first column of the table; `subject` names a variant in a sentence, such as
    "width {}"; `more` are sentences after those of `in_words`.
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
    return Panel(
        f"{plan.panel_title}\n{WHAT_IS_DRAWN}",
        xlabel,
        plan.metric,
        [series(measured, places)],
        names,
        is_log_x,
    )


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
    return Panel(
        "Training time of one network", xlabel, "seconds per epoch", [line], (), True, True
    )


def headers(thing: str, reference: Measured, plan: StudyPlan) -> list[str]:
    """Of the table that `rows` makes."""
    return [
        thing, plan.metric, "95% interval", f"difference from {reference.variant.name}",
        "95% interval", "verdict", "parameters", "seconds per epoch",
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
    subject: str,
    measured: Sequence[Measured],
    pairs: dict[int, Pair],
    reference: int,
    plan: StudyPlan,
) -> str:
    """What was found, and how sure it is.

    Args:
        subject: names a variant in a sentence, such as "width {}".
        measured: the variants.
        pairs: each of the others against the reference.
        reference: its place in `measured`.
        plan: of the study.
    """
    name = subject.format(measured[reference].variant.name)
    sentences = [_about_best(subject, measured, pairs, reference, plan)]
    for verdict, words in (
        ("second is better", f"Better than {name}"),
        ("first is better", f"Worse than {name}"),
        (
            "no difference that matters",
            f"No different from {name} by more than {plan.matters:g}",
        ),
        ("undecided", f"Undecided against {name}"),
    ):
        found = [
            f"{measured[number].variant.name} ({pair.difference.mean:+.4f})"
            for number, pair in pairs.items()
            if pair.verdict == verdict
        ]
        if found:
            sentences.append(f"{words}: {', '.join(found)}.")
    diverged = [f"{one.variant.name} at {one.num_diverged}" for one in measured if one.num_diverged]
    if diverged:
        counts = ", each counted as an R² of 0" if plan.metric == "R²" else ""
        sentences.append(f"Diverged: {', '.join(diverged)} of {plan.num_seeds} seeds{counts}.")
    sentences.append(_about_certainty(name, len(pairs), plan))
    return " ".join(sentences)


def _about_best(
    subject: str,
    measured: Sequence[Measured],
    pairs: dict[int, Pair],
    reference: int,
    plan: StudyPlan,
) -> str:
    """Which mean is highest, and whether that variant was shown to be better than the reference."""
    best = max(range(len(measured)), key=lambda number: measured[number].interval.mean)
    interval = measured[best].interval
    winner, base = (subject.format(measured[number].variant.name) for number in (best, reference))
    highest = "highest" if len(measured) > 2 else "higher"
    mean = f"{interval.mean:.4f} (95% interval {interval.low:.4f} to {interval.high:.4f})"
    sentence = f"{winner[0].upper()}{winner[1:]} has the {highest} mean {plan.metric}, {mean}"
    if best != reference and pairs[best].verdict == "undecided":
        return f"{sentence}, but {plan.num_seeds} seeds do not show that it is better than {base}."
    return f"{sentence}."


def _about_certainty(name: str, num_pairs: int, plan: StudyPlan) -> str:
    """What the figures in parentheses are, and what a verdict promises."""
    figures = (
        f"the mean difference in {plan.metric} from {name} over the same {plan.num_seeds} seeds"
    )
    if num_pairs == 1:
        return f"In parentheses: {figures}. The verdict holds with 95% confidence."
    return (
        f"In parentheses: {figures}. The verdicts are corrected for {num_pairs} comparisons by "
        "Holm's method: with 95% confidence all claims of a difference are right, and so are all "
        "claims of no difference."
    )


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
