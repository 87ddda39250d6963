"""The picture of whether probabilities mean what they say."""

from collections.abc import Sequence
from pathlib import Path

from multilayer.drawing.figures import picture


def save_reliability_diagram(
    confidences: Sequence[float],
    accuracies: Sequence[float],
    counts: Sequence[int],
    expected_error: float,
    path: str | Path,
) -> None:
    """Draw the share of right answers over the probability they were given, bin by bin.

    Args:
        confidences: mean probability of the answers in each bin.
        accuracies: share of right answers in each bin.
        counts: rows in each bin; drawn below.
        expected_error: the expected calibration error, for the title.
        path: the PNG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    with picture(path, width=5, height=5.6) as figure:
        figure.set_layout_engine("constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        upper.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="perfect calibration")
        upper.plot(confidences, accuracies, color="tab:blue", marker="o", label="answers")
        upper.set(
            title=f"Expected calibration error {expected_error:.4f}",
            ylabel="share of right answers",
            xlim=(0, 1),
            ylim=(0, 1),
        )
        upper.grid(visible=True)
        upper.legend(loc="upper left")
        width = 1 / 40
        lower.bar(confidences, counts, width=width, color="tab:blue")
        lower.set(xlabel="probability of the answer", ylabel="rows")
