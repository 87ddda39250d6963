"""Panels of points with intervals, from which the pictures of studies are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from multilayer.drawing.figures import picture
from multilayer.metrics.intervals import MeanInterval

_COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:cyan")
_MOST_PLACES = 12  # up to here each point has its number at the axis
_MOST_NAMES_WITHIN = 3  # more of them would cover lines, and stand beside the panel


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Args:
        name: in the legend; "" for a series that needs none.
        x: places; numbers of categories from 0 where the panel has categories.
        y: values.
        low: lower ends of intervals; None draws none.
        high: upper ends.
        dots: single measurements behind each point, drawn faintly.
        is_line: whether the points are joined.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dots: Sequence[Sequence[float]] = ()
    is_line: bool = True

    @classmethod
    def of_intervals(
        cls, name: str, x: Sequence[float], intervals: Sequence[MeanInterval], **others: Any
    ) -> "Series":
        """Means with their intervals; the other fields by name."""
        low, high = [one.low for one in intervals], [one.high for one in intervals]
        return cls(name, x, [one.mean for one in intervals], low, high, **others)


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Args:
        title: above it.
        xlabel: below it.
        ylabel: beside it.
        series: what is drawn.
        categories: names of places along x; () is an axis of numbers.
        is_log_x: whether the axis of numbers is logarithmic.
        is_log_y: whether the other axis is.
    """

    title: str
    xlabel: str
    ylabel: str
    series: Sequence[Series]
    categories: Sequence[str] = ()
    is_log_x: bool = False
    is_log_y: bool = False


def save_panels(panels: Sequence[Panel], *paths: str | Path, title: str) -> None:
    """Draw panels side by side, two in a row.

    Args:
        panels: at least one.
        paths: PNG and SVG files to write.
        title: above all.

    Raises:
        OutputError: a file cannot be written.
    """
    num_columns = min(2, len(panels))
    num_rows = -(-len(panels) // num_columns)
    with picture(*paths, width=5.2 * num_columns, height=0.4 + 3.8 * num_rows) as figure:
        figure.set_layout_engine("constrained", w_pad=0.1)
        figure.suptitle(title)
        all_axes = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
        for axes, panel in zip(all_axes, panels, strict=False):
            _draw(axes, panel)
        for axes in all_axes[len(panels) :]:
            axes.set_visible(False)


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel)
    if all(float(place).is_integer() for one in panel.series for place in one.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.is_log_x:
        axes.set_xscale("log", base=2)
        _label_plainly(axes.xaxis, [place for one in panel.series for place in one.x])
    if panel.is_log_y:
        axes.set_yscale("log")
        _label_plainly(axes.yaxis)
    for number, series in enumerate(panel.series):
        _draw_series(axes, series, _COLORS[number % len(_COLORS)])
    if panel.categories:
        labels = list(panel.categories)
        is_long = sum(map(len, labels)) > 40
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels, rotation=30 if is_long else 0,
                        ha="right" if is_long else "center", rotation_mode="anchor")  # fmt: skip
    axes.grid(visible=True)
    num_names = sum(bool(series.name) for series in panel.series)
    if num_names > _MOST_NAMES_WITHIN:
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    elif num_names:
        axes.legend(fontsize="small")


def _label_plainly(axis: Axis, places: Sequence[float] = ()) -> None:
    """Numbers such as 0.1 along a logarithmic axis, at a few given places if there are any."""
    distinct = sorted(set(places))
    if 0 < len(distinct) <= _MOST_PLACES:
        axis.set_major_locator(FixedLocator(distinct))
        axis.set_tick_params(labelrotation=45, labelsize="small")
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_series(axes: Axes, series: Series, color: str) -> None:
    for place, dots in zip(series.x, series.dots, strict=False):
        axes.plot([place] * len(dots), dots, "o", color="0.7", markersize=3, zorder=1)
    options: dict[str, Any] = {"color": color, "markersize": 4, "label": series.name or None}
    errors = None
    if series.low is not None and series.high is not None:
        errors = [
            [max(0.0, y - low) for y, low in zip(series.y, series.low, strict=True)],
            [max(0.0, high - y) for y, high in zip(series.y, series.high, strict=True)],
        ]
    kind = "o-" if series.is_line else "o"
    axes.errorbar(series.x, series.y, yerr=errors, fmt=kind, capsize=3, linewidth=1.2, **options)


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, the first column to the left, the others to the right.

    Bars within cells are escaped, so that each stays one cell.
    """
    rule = ["---", *["---:"] * (len(headers) - 1)]
    lines = [[cell.replace("|", r"\|") for cell in cells] for cells in (headers, rule, *rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
