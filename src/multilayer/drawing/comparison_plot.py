"""A comparison of settings as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from multilayer.drawing.figures import picture

_LONGEST_NAME = 40


@dataclass(frozen=True, eq=False)
class ShownSettings:
    """Values of one setting over seeds, and the interval of their mean."""

    name: str
    values: NDArray[Any]
    low: float
    high: float


@dataclass(frozen=True)
class ShownPair:
    """The second's score minus the first's, with its interval and what it says."""

    names: tuple[str, str]
    difference: float
    low: float
    high: float
    verdict: str
    is_decided: bool


def save_comparison_plot(
    settings: Sequence[ShownSettings],
    pairs: Sequence[ShownPair],
    *,
    metric: str,
    matters: float,
    title: str,
    paths: Sequence[str | Path],
) -> None:
    """Draw every seed's value and every pair's difference, with their intervals.

    Args:
        settings: from top to bottom.
        pairs: likewise.
        metric: what the values are.
        matters: half width of the band of differences that do not matter.
        title: of the whole.
        paths: PNG and SVG files to write.

    Raises:
        OutputError: a file cannot be written.
    """
    height = 1.8 + 0.45 * len(settings) + 0.55 * len(pairs)
    with picture(*paths, width=8, height=height) as figure:
        figure.set_layout_engine("constrained")
        figure.suptitle(title)
        upper, lower = figure.subplots(2, 1, height_ratios=[len(settings) + 1, len(pairs) + 1])
        for place, one in enumerate(settings):
            spread = numpy.linspace(-0.2, 0.2, len(one.values)) if len(one.values) > 1 else 0.0
            upper.plot(one.values, place + spread, "o", color="0.65", markersize=3, zorder=1)
            _draw_interval(
                upper, place, float(numpy.mean(one.values)), one.low, one.high, "tab:blue"
            )
        upper.set_yticks(range(len(settings)), [_shown(one.name) for one in settings])
        upper.set_xlabel(f"{metric} of each seed, and the mean with its 95% interval")
        for place, pair in enumerate(pairs):
            color = "tab:green" if pair.is_decided else "tab:gray"
            _draw_interval(lower, place, pair.difference, pair.low, pair.high, color)
            lower.annotate(
                pair.verdict, (max(pair.high, matters), place), (6, 0), textcoords="offset points",
                va="center", fontsize="small",
            )  # fmt: skip
        lower.axvspan(-matters, matters, color="0.9", zorder=0)
        lower.axvline(0, color="0.5", linewidth=0.8, zorder=0)
        names = [f"{_shown(pair.names[1])}\nagainst {_shown(pair.names[0])}" for pair in pairs]
        lower.set_yticks(range(len(pairs)), names)
        lower.set_xlabel("difference with its 95% interval; grey: too small to matter")
        low, high = lower.get_xlim()
        lower.set_xlim(low, high + 0.35 * (high - low))  # room for the verdicts
        for axes, number in ((upper, len(settings)), (lower, len(pairs))):
            axes.set_ylim(number - 0.5, -0.5)
            axes.grid(visible=True, axis="x")


def _draw_interval(
    axes: Any, place: float, mean: float, low: float, high: float, color: str
) -> None:
    axes.plot([low, high], [place, place], color=color, linewidth=2, solid_capstyle="butt")
    axes.plot([mean], [place], "D", color=color, markersize=5)


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
