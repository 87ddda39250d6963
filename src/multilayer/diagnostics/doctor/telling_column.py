"""A column of a table that is the target in other words."""

import numpy as np
from numpy.typing import NDArray

from multilayer.fit.fitting import TableFit

_MOST_ROWS = 5_000
_FEWEST_ROWS = 100
_FEWEST_OF_A_VALUE = 5  # fewer have one class by chance
_SAME = 0.9999  # correlation


def telling_column(fit: TableFit) -> str | None:
    """The name of a column that tells the target all by itself, if there is one.

    For numbers that is a numeric column whose correlation with the target is next to 1; for
    classes one of few values, each of which goes with a single class.

    Args:
        fit: of the table.
    """
    rows = fit.rows.take(np.arange(min(len(fit.rows), _MOST_ROWS)))
    if len(rows) < _FEWEST_ROWS or len(fit.targets.names) > 1:
        return None
    targets = fit.targets.encode(rows.targets).reshape(len(rows)).astype(np.float64)
    for column in fit.schema.inputs:
        series = rows.frame[column.name]
        if fit.targets.task == "regression":
            if column.kind == "numeric" and _is_same(series.to_numpy(), targets):
                return column.name
        elif column.kind in ("categorical", "boolean"):
            values = series.rank("dense").fill_null(0).to_numpy().astype(np.int64)
            if _tells(values, targets.astype(np.int64)):
                return column.name
    return None


def _is_same(values: NDArray[np.float64], targets: NDArray[np.float64]) -> bool:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):  # numbers written as text
        return False
    is_there = np.isfinite(numbers)
    if is_there.sum() < _FEWEST_ROWS or not (np.ptp(numbers[is_there]) > 0 < np.ptp(targets)):
        return False
    return bool(abs(np.corrcoef(numbers[is_there], targets[is_there])[0, 1]) > _SAME)


def _tells(values: NDArray[np.int64], classes: NDArray[np.int64]) -> bool:
    counts = np.zeros((values.max() + 1, classes.max() + 1), np.int64)
    np.add.at(counts, (values, classes), 1)
    counts = counts[counts.sum(axis=1) > 0]
    return bool(
        counts.shape[1] > 1
        and (counts.sum(axis=1) >= _FEWEST_OF_A_VALUE).all()
        and (counts.max(axis=1) == counts.sum(axis=1)).all()
    )
