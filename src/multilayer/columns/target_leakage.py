"""Detect suspected target leakage before training."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import Schema

if TYPE_CHECKING:
    import polars as pl

_FEWEST_ROWS = 30  # in fewer rows a column may separate the classes by chance
_MOST_ROWS = 20_000  # enough to see a leak
_FEWEST_ROWS_A_GROUP = 2.0  # distinct values determine any target
_COLUMNS_AT_ONCE = 256
_SAME = 0.9999  # correlation


def suspected_leaks(frame: "pl.DataFrame", schema: Schema, target: str) -> list[str]:
    """A warning for each column of `leaking_columns`."""
    inputs = [column.name for column in schema.inputs]
    return [
        f"column {name!r} alone determines {target!r} on these rows: "
        "is it known when a prediction is needed?"
        for name in leaking_columns(frame.select(inputs), frame[target])
    ]


def leaking_columns(inputs: "pl.DataFrame", target: "pl.Series") -> list[str]:
    """Names of the columns that determine the target alone on these rows.

    A column does if rows with the same value have the same target (and a value has two rows or more
    on average), if sorting by it separates the classes, or if its correlation with a numeric target
    exceeds 0.9999 in absolute value. Rows where either is missing are ignored; at most 20,000 rows,
    evenly spaced, are used.
    """
    import polars as pl
    from polars import selectors as cs

    step = -(-len(target) // _MOST_ROWS) or 1
    target = target.gather_every(step)
    rows = inputs.gather_every(step).with_columns(cs.float().fill_nan(None))
    is_numeric = target.dtype.is_numeric()
    target = target.fill_nan(None) if target.dtype.is_float() else target
    all_answers = target.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    is_present = all_answers > 0
    answers = all_answers[is_present]
    if len(answers) < _FEWEST_ROWS or answers.min() == answers.max():
        return []
    few_answers = len(np.unique(answers)) <= min(20, len(answers) / 10)
    suspects = []
    for start in range(0, rows.width, _COLUMNS_AT_ONCE):
        some = rows[:, start : start + _COLUMNS_AT_ONCE]
        ranks = some.select(pl.all().rank("dense").cast(pl.Int64).fill_null(0))
        values = np.asarray(ranks.to_numpy()[is_present])
        for column, series in zip(values.T, some, strict=True):
            if _determines(column, answers, few_answers, is_numeric) or (
                is_numeric and not few_answers and _is_same(series, target)
            ):
                suspects.append(series.name)
    return suspects


def _is_same(column: "pl.Series", target: "pl.Series") -> bool:
    """Whether the column is a linear function of the target up to rounding."""
    import polars as pl

    if not column.dtype.is_numeric():
        return False
    pair = pl.DataFrame([column.alias("x"), target.alias("y")]).drop_nulls()
    if len(pair) < _FEWEST_ROWS or pair["x"].n_unique() < 2:
        return False
    return bool(abs(np.corrcoef(*pair.to_numpy().T)[0, 1]) > _SAME)


def _determines(
    column: NDArray[Any], answers: NDArray[Any], few_answers: bool, is_numeric: bool
) -> bool:
    present = column > 0
    if present.sum() < _FEWEST_ROWS:
        return False
    column, answers = column[present], answers[present]
    order = np.lexsort((answers, column))
    values, answers_in_order = column[order], answers[order]
    changes_value = np.diff(values) != 0
    changes_answer = np.diff(answers_in_order) != 0
    num_values, num_answers = changes_value.sum() + 1, len(np.unique(answers))
    if num_values == 1 or num_answers == 1:
        return False
    if (changes_answer & ~changes_value).any():  # one value, two targets
        return False
    if len(values) >= _FEWEST_ROWS_A_GROUP * num_values:
        return True
    if few_answers:
        return bool(changes_answer.sum() == num_answers - 1)
    # Numbers that nearly all differ: a leak if the column is monotonic in the target.
    rises = np.diff(answers_in_order)
    return is_numeric and bool((rises >= 0).all() or (rises <= 0).all())
