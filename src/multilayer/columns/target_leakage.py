"""Columns that know the answer: a suspicion, raised before training."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import Schema

if TYPE_CHECKING:
    import polars as pl

_FEWEST_ROWS = 30  # in fewer rows a column may separate the classes by chance
_MOST_ROWS = 20_000  # a leak shows in these as well as in all
_FEWEST_ROWS_A_GROUP = 2.0  # values that stand in a row each determine everything
_COLUMNS_AT_ONCE = 256


def suspected_leaks(frame: "pl.DataFrame", schema: Schema, target: str) -> list[str]:
    """Say which columns determine the target all by themselves on these rows.

    A column does if the rows that share a value of it share the target too (and at least two rows
    do on average), or if its order alone separates the classes. Only rows in which both are present
    count, and at most 20,000, spread over the table.

    Returns:
        A sentence for each such column.
    """
    import polars as pl
    from polars import selectors as cs

    step = -(-len(frame) // _MOST_ROWS) if len(frame) else 1
    rows = frame.gather_every(step)
    inputs = [column.name for column in schema.inputs]
    rows = rows.with_columns(cs.float().fill_nan(None))
    ranks = rows.select(
        pl.col(name).rank("dense").cast(pl.Int64).fill_null(0) for name in (target, *inputs)
    )
    is_present = ranks[target].to_numpy() > 0
    answers = ranks[target].to_numpy()[is_present]
    if len(answers) < _FEWEST_ROWS or answers.min() == answers.max():
        return []
    is_numeric = rows.schema[target].is_numeric()
    few_answers = len(np.unique(answers)) <= min(20, len(answers) / 10)
    suspects = []
    for start in range(0, len(inputs), _COLUMNS_AT_ONCE):
        names = inputs[start : start + _COLUMNS_AT_ONCE]
        values = ranks.select(names).to_numpy()[is_present]
        for name, column in zip(names, np.asarray(values).T, strict=True):
            if _determines(column, answers, few_answers, is_numeric):
                suspects.append(name)
    return [
        f"column {name!r} alone determines {target!r} on these rows: "
        "is it known when a prediction is needed?"
        for name in suspects
    ]


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
    if (changes_answer & ~changes_value).any():  # one value, two answers
        return False
    if len(values) >= _FEWEST_ROWS_A_GROUP * num_values:
        return True
    if few_answers:
        return bool(changes_answer.sum() == num_answers - 1)
    # Numbers that nearly all differ: a leak if one order is the other.
    rises = np.diff(answers_in_order)
    return is_numeric and bool((rises >= 0).all() or (rises <= 0).all())
