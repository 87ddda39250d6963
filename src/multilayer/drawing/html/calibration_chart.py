"""Confidence against the share of right answers, as a chart."""

from collections.abc import Sequence

from multilayer.drawing.axis import Limits
from multilayer.drawing.html.chart import Chart, Series
from multilayer.drawing.html.table import Table


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
    word = "too sure" if gap < 0 else "not sure enough"
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
