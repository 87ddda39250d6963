"""The charts of a report: learning curves, calibration and residuals."""

import math
import statistics
from collections.abc import Mapping, Sequence

from multilayer.drawing.axis import Limits, can_show
from multilayer.drawing.html.chart import Chart, Series, Table
from multilayer.drawing.html.content import RunContent
from multilayer.drawing.pack_history import groups_of, is_of_pack

_PARTS = {"train": "training", "validation": "validation"}
_MOST_ROWS = 100  # of a table
_LOG_FROM = 100.0  # largest over smallest value
_PERCENTILES = (5, 25, 50, 75, 95)  # of the errors of predicted numbers


def learning_charts(runs: Sequence[RunContent]) -> list[Chart]:
    """A chart for each quantity that the histories hold, the loss first.

    The training loss is a mean over the epoch's batches, each when its turn came, so that it is
    drawn at the epoch's middle.
    """
    single = [run for run in runs if not is_of_pack(run.history)]
    packs = [run for run in runs if is_of_pack(run.history)]
    keys = dict.fromkeys(key for run in single for line in run.history for key in line)
    quantities = {
        key.partition("_")[2]: None
        for key in keys
        if key.partition("_")[0] in _PARTS and "_" in key
    }
    quantities.pop("seconds", None)
    charts = [
        _chart(quantity, single) for quantity in sorted(quantities, key=lambda q: q != "loss")
    ]
    charts += [_mixture_chart(packs)] if packs else []
    return [chart for chart in charts if chart.series]


def calibration_chart(
    points: Sequence[tuple[float, float]],
    intervals: Sequence[Limits],
    counts: Sequence[int],
    error: float,
    name: str,
) -> Chart:
    """Draw a reliability diagram.

    Args:
        points: mean confidence and share of right answers of each bin.
        intervals: of these shares.
        counts: answers in each bin.
        error: expected calibration error.
        name: of the run.
    """
    gap = sum(n * (right - sure) for n, (sure, right) in zip(counts, points, strict=True))
    word = "overconfident" if gap < 0 else "underconfident"
    return Chart(
        title=f"Right answers by confidence, {name}",
        x_label="mean confidence",
        y_label="share of right answers",
        series=[Series("right answers", points, intervals=intervals)],
        summary=f"Expected calibration error {error:.3f}; on average the network is {word} by "
        f"{abs(gap) / sum(counts):.3f}.",
        x_limits=(0, 1),
        y_limits=(0, 1),
        has_diagonal=True,
        table=Table(
            "Right answers by confidence",
            ["mean confidence", "right", "95% interval", "answers"],
            [
                [f"{sure:.3f}", f"{right:.3f}", f"{low:.3f} to {high:.3f}", f"{n:,}"]
                for (sure, right), (low, high), n in zip(points, intervals, counts, strict=True)
            ],
        ),
    )


def residual_chart(true: Sequence[float], predicted: Sequence[float], name: str) -> Chart:
    """Draw a mark for each row, and summarise the errors.

    Args:
        true: what is true of each row, at least one.
        predicted: what the network predicts for it.
        name: of the target.
    """
    errors = [b - a for a, b in zip(true, predicted, strict=True)]
    places = statistics.quantiles(errors * 2 if len(errors) < 2 else errors, n=100)
    low, high = min(*true, *predicted), max(*true, *predicted)
    return Chart(
        title=f"Predicted and true values: {name}",
        x_label="true",
        y_label="predicted",
        series=[Series("rows", list(zip(true, predicted, strict=True)), is_line=False)],
        summary=f"The mean absolute error is {statistics.fmean(map(abs, errors)):.4g}; half of "
        f"the errors lie between {places[24]:.4g} and {places[74]:.4g}.",
        x_limits=(low, high) if low < high else None,
        has_diagonal=True,
        table=Table(
            "Errors, predicted minus true",
            ["percentile", "error"],
            [[str(percent), f"{places[percent - 1]:.4g}"] for percent in _PERCENTILES],
        ),
    )


def _chart(quantity: str, runs: Sequence[RunContent]) -> Chart:
    series = []
    for number, run in enumerate(runs):
        for part, word in _PARTS.items():
            one = _series(f"{part}_{quantity}", run.history, -0.5 if part == "train" else 0.0)
            if one is None:
                continue
            name = word if len(runs) == 1 else f"{run.name}, {word}"
            look = number if len(runs) > 1 else int(part == "validation")
            series.append(Series(name, *one, look=look, is_dashed=part == "train"))
    values = [y for one in series for _, y in one.points]
    words = quantity.replace("_", " ")
    last = max((len(run.history) for run in runs), default=0)
    return Chart(
        title=f"{words.capitalize()} by epoch",
        x_label="epoch",
        y_label="share of right answers" if quantity == "accuracy" else words,
        series=series,
        summary="; ".join(_in_words(one) for one in series) + ".",
        key_name="epoch",
        x_limits=(0, max(last, 1)),
        y_scale="log" if _spans_magnitudes(values) else "linear",
        table=_table(words, series),
    )


def _mixture_chart(runs: Sequence[RunContent]) -> Chart:
    """The mixtures of packs, and the loss that each began with.

    The networks in training begin anew with each group of draws: their curves are no network's.
    """
    series = []
    for number, run in enumerate(runs):
        # Before the first draw is trained to its end the losses are so large as to hide the others.
        first, *groups = groups_of(run.history)
        lines = [*first[-1:], *(line for group in groups for line in group)]
        if (one := _series("mixture_loss", lines, 0.0)) is None:
            continue
        name = "mixture" if len(runs) == 1 else f"{run.name}, mixture"
        series.append(Series(name, *one, look=number))
        (points, keys), loss = one, one[0][0][1]
        ends = [(points[0][0], loss), (points[-1][0], loss)]
        name = "first draw alone" if len(runs) == 1 else f"{run.name}, first draw alone"
        at_ends = [keys[0], keys[-1]]
        series.append(Series(name, ends, at_ends, look=number, is_dashed=True))
    return Chart(
        title="Held-out loss of the mixture by epoch",
        x_label="epoch, one group of draws after the other",
        y_label="loss",
        series=series,
        summary="; ".join(_in_words(one) for one in series) + ".",
        key_name="epoch",
        x_limits=(0, max(len(run.history) for run in runs)),
        table=_table("loss of the mixture", series),
    )


def _series(
    key: str, history: Sequence[Mapping[str, float | None]], shift: float
) -> tuple[list[tuple[float, float]], list[str]] | None:
    known = [(line["epoch"], line.get(key)) for line in history]
    points = [
        (epoch, value)
        for epoch, value in known
        if epoch is not None and value is not None and can_show(value, "linear")
    ]
    if not points:
        return None
    return [(epoch + shift, value) for epoch, value in points], [f"{e:g}" for e, _ in points]


def _in_words(series: Series) -> str:
    first, last = series.points[0][1], series.points[-1][1]
    epochs = f"epoch {series.keys[0]} to {series.keys[-1]}"
    if len(series.points) == 1:
        return f"{series.name}: {last:.4g} after epoch {series.keys[0]}"
    return f"{series.name}: from {first:.4g} to {last:.4g} ({epochs})"


def _spans_magnitudes(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > _LOG_FROM


def _table(words: str, series: Sequence[Series]) -> Table:
    """The points to read; of a long run every so many epochs, the last among them."""
    columns = [
        {key: f"{y:.4g}" for key, (_, y) in zip(one.keys, one.points, strict=True)}
        for one in series
    ]
    keys = sorted({key for column in columns for key in column}, key=float)
    every = math.ceil(len(keys) / _MOST_ROWS) or 1
    caption = f"{words.capitalize()} by epoch" + (f", every {every} epochs" if every > 1 else "")
    return Table(
        caption,
        ["epoch", *(one.name for one in series)],
        [[key, *(column.get(key, "–") for column in columns)] for key in keys[::-every][::-1]],
    )
