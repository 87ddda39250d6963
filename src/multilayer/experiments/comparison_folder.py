"""The folder that a comparison leaves behind.

comparison.json                  settings, the score of every seed, looks, verdicts
comparison.svg, comparison.png   the same as a picture
comparison.md                    the tables and a paragraph
"""

from pathlib import Path

from multilayer.drawing.comparison_plot import ShownPair, ShownSettings, save_comparison_plot
from multilayer.drawing.markdown import markdown_table
from multilayer.experiments import comparison_words
from multilayer.experiments.comparison import Comparison
from multilayer.files import write_text
from multilayer.runs.run_folder import RunFolder


def save_comparison(comparison: Comparison, folder: RunFolder) -> None:
    """Write everything that is known.

    Raises:
        OutputError: a file cannot be written.
    """
    folder.write_json("comparison.json", comparison_words.document(comparison))
    write_text(folder.path / "comparison.md", _page(comparison))
    save_plot(comparison, folder.path)


def save_plot(comparison: Comparison, folder: Path) -> None:
    """Draw comparison.svg and comparison.png."""
    intervals = [comparison.interval(one) for one in comparison.contestants]
    save_comparison_plot(
        [
            ShownSettings(one.name, one.values, interval.low, interval.high)
            for one, interval in zip(comparison.contestants, intervals, strict=True)
        ],
        [
            ShownPair(
                (comparison.contestants[pair.first].name, comparison.contestants[pair.second].name),
                pair.difference.mean,
                pair.difference.low,
                pair.difference.high,
                comparison_words.verdict_in_words(comparison, pair),
                pair.verdict != "undecided",
            )
            for pair in comparison.pairs
        ],
        metric=comparison.metric,
        matters=comparison.matters,
        title=f"{comparison.problem_name}: {comparison.num_seeds} seeds",
        paths=[folder / "comparison.svg", folder / "comparison.png"],
    )


def _page(comparison: Comparison) -> str:
    tables = (
        markdown_table(comparison_words.headers(comparison), comparison_words.rows(comparison)),
        markdown_table(comparison_words.pair_headers(), comparison_words.pair_rows(comparison)),
    )
    return (
        f"# Comparison on {comparison.problem_name}\n\n{tables[0]}\n{tables[1]}\n"
        f"{comparison_words.paragraph(comparison)}\n"
    )
