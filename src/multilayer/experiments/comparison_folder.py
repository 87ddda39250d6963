"""The folder that a comparison leaves behind.

comparison.json                  settings, the score of every seed, looks, verdicts
comparison.svg, comparison.png   the same as a picture
comparison.md                    the tables and a paragraph
"""

from pathlib import Path
from typing import Any

import numpy as np

from multilayer.drawing.figures import picture
from multilayer.drawing.panels import markdown_table
from multilayer.experiments import comparison_words
from multilayer.experiments.comparison import Comparison
from multilayer.files import write_text
from multilayer.metrics.intervals import MeanInterval
from multilayer.runs.run_folder import RunFolder

_LONGEST_NAME = 40


def save_comparison(comparison: Comparison, folder: RunFolder) -> None:
    """Write everything that is known.

    Raises:
        OutputError: a file cannot be written.
    """
    folder.write_json("comparison.json", comparison_words.document(comparison))
    write_text(folder.path / "comparison.md", _page(comparison))
    _save_plot(comparison, folder.path)


def _save_plot(comparison: Comparison, folder: Path) -> None:
    """Draw every seed's value and every pair's difference, with their intervals."""
    settings, pairs, matters = comparison.candidates, comparison.pairs, comparison.matters
    height = 1.8 + 0.45 * len(settings) + 0.55 * len(pairs)
    paths = [folder / "comparison.svg", folder / "comparison.png"]
    with picture(*paths, width=8, height=height) as figure:
        figure.set_layout_engine("constrained")
        figure.suptitle(f"{comparison.problem_name}: {comparison.num_seeds} seeds")
        upper, lower = figure.subplots(2, 1, height_ratios=[len(settings) + 1, len(pairs) + 1])
        for place, one in enumerate(settings):
            spread = np.linspace(-0.2, 0.2, len(one.values)) if len(one.values) > 1 else 0.0
            upper.plot(one.values, place + spread, "o", color="0.65", markersize=3, zorder=1)
            _draw_interval(upper, place, comparison.interval(one), "tab:blue")
        upper.set_yticks(range(len(settings)), [_short(one.name) for one in settings])
        upper.set_xlabel(f"{comparison.metric} of each seed, and the mean with its 95% interval")
        for place, pair in enumerate(pairs):
            color = "tab:gray" if pair.verdict == "undecided" else "tab:green"
            _draw_interval(lower, place, pair.difference, color)
            lower.annotate(
                comparison_words.verdict_in_words(comparison, pair),
                (max(pair.difference.high, matters), place), (6, 0), textcoords="offset points",
                va="center", fontsize="small",
            )  # fmt: skip
        lower.axvspan(-matters, matters, color="0.9", zorder=0)
        lower.axvline(0, color="0.5", linewidth=0.8, zorder=0)
        names = [
            f"{_short(settings[pair.second].name)}\nagainst {_short(settings[pair.first].name)}"
            for pair in pairs
        ]
        lower.set_yticks(range(len(pairs)), names)
        lower.set_xlabel("difference with its 95% interval; grey: too small to matter")
        low, high = lower.get_xlim()
        lower.set_xlim(low, high + 0.35 * (high - low))  # room for the verdicts
        for axes, number in ((upper, len(settings)), (lower, len(pairs))):
            axes.set_ylim(number - 0.5, -0.5)
            axes.grid(visible=True, axis="x")


def _draw_interval(axes: Any, place: float, interval: MeanInterval, color: str) -> None:
    ends = [interval.low, interval.high]
    axes.plot(ends, [place, place], color=color, linewidth=2, solid_capstyle="butt")
    axes.plot([interval.mean], [place], "D", color=color, markersize=5)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _page(comparison: Comparison) -> str:
    tables = (
        markdown_table(comparison_words.headers(comparison), comparison_words.rows(comparison)),
        markdown_table(comparison_words.pair_headers(), comparison_words.pair_rows(comparison)),
    )
    return (
        f"# Comparison on {comparison.problem_name}\n\n{tables[0]}\n{tables[1]}\n"
        f"{comparison_words.paragraph(comparison)}\n"
    )
