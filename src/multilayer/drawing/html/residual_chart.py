"""What was said against what is true, as a chart."""

import statistics
from collections.abc import Sequence

from multilayer.drawing.html.chart import Chart, Series
from multilayer.drawing.html.table import Table

_PERCENTILES = (5, 25, 50, 75, 95)


def residual_chart(true: Sequence[float], said: Sequence[float], name: str) -> Chart:
    """Draw a mark for each row, and say how far off the answers are.

    Args:
        true: what is true of each row, at least one.
        said: what the network said of it.
        name: of the target.
    """
    errors = [b - a for a, b in zip(true, said, strict=True)]
    places = statistics.quantiles(errors * 2 if len(errors) < 2 else errors, n=100)
    low, high = min(*true, *said), max(*true, *said)
    return Chart(
        title=f"Said and true: {name}",
        x_label="true",
        y_label="said",
        series=[Series("rows", list(zip(true, said, strict=True)), is_line=False)],
        summary=f"On average it is off by {statistics.fmean(map(abs, errors)):.4g}; half of the "
        f"errors lie between {places[24]:.4g} and {places[74]:.4g}.",
        x_limits=(low, high) if low < high else None,
        has_diagonal=True,
        table=Table(
            "Errors, said minus true",
            ["percentile", "error"],
            [[str(percent), f"{places[percent - 1]:.4g}"] for percent in _PERCENTILES],
        ),
    )
