"""What an encoder takes from the training rows: means, and quantiles to scale by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.category_columns import CategoryColumn
from multilayer.columns.number_columns import NumberColumn
from multilayer.encoding.robust_scaling import (
    RobustScaling,
    quantiles_of_counts,
    quantiles_of_indicators,
)

if TYPE_CHECKING:
    import polars as pl


def means_and_scaling(
    numbers: Sequence[NumberColumn],
    parts: Sequence["pl.DataFrame"],
    categories: Sequence[CategoryColumn],
    counts: Sequence[NDArray[np.int64]],
    num_rows: int,
) -> tuple[NDArray[np.float64], RobustScaling]:
    """The means that replace missing numbers, and the scaling of numbers and passthrough columns.

    Args:
        numbers: The numeric and date columns.
        parts: For each of them the numbers it becomes, null where missing.
        categories: The categorical columns.
        counts: For each of them how often each code occurs.
        num_rows: Training rows.

    Returns:
        float64, (num_numeric,), and the scaling of (num_numeric + num_passthrough,).
    """
    means, quantiles = _statistics(parts)
    for category, found in zip(categories, counts, strict=True):
        if category.form != "codes":
            quantiles.append(_quantiles_of_passthrough(category, found))
    for fitted, part in zip(numbers, parts, strict=True):
        if fitted.has_indicator:
            missing = part.to_series(0).null_count()
            quantiles.append(quantiles_of_indicators(np.array([missing]), num_rows))
    return means, RobustScaling.of_quantiles(np.hstack([np.empty((5, 0)), *quantiles]))


def _statistics(
    parts: Sequence["pl.DataFrame"],
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Means, (num_numbers,), and quantiles, (5, num_numbers), of the non-missing values."""
    import polars as pl

    columns = [series for part in parts for series in part.iter_columns()]
    if not columns:
        return np.empty(0), []
    value = pl.all()
    table = pl.DataFrame([series.alias(str(place)) for place, series in enumerate(columns)])
    rows = [
        table.select(statistic).fill_null(0.0).to_numpy()[0]
        for statistic in (
            value.mean(),
            value.min(),
            *(value.quantile(share, "linear") for share in (0.25, 0.5, 0.75)),
            value.max(),
        )
    ]
    means, median = rows[0], rows[3]
    return np.where(np.isfinite(means), means, median), [np.array(rows[1:])]


def _quantiles_of_passthrough(
    category: CategoryColumn, counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Quantiles of each passthrough column, (5, width), from the counts of the codes."""
    if category.form == "one-hot":
        return quantiles_of_indicators(counts[1:], int(counts.sum()))
    missing, first, second = counts
    in_order = np.array([first, missing, second])
    return quantiles_of_counts(np.array([-1.0, 0.0, 1.0]), in_order)[:, None]
