"""Check targets: none missing, and numbers or labels where required."""

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_values import is_present
from multilayer.columns.text_numbers import shown
from multilayer.columns.value_format import boolean_of
from multilayer.errors import TableError

_LARGEST_EXACT = 2.0**53


def width_of(array: NDArray[Any]) -> int:
    """Number of targets of (num_rows,) or (num_rows, num_targets)."""
    return 1 if array.ndim == 1 else array.shape[1]


def require_present(
    array: NDArray[Any], names: Sequence[str], rows: NDArray[np.int64] | None = None
) -> None:
    """Raise TableError unless every row has all of its targets.

    Args:
        array: (num_rows,) or (num_rows, num_targets).
        names: Of the targets.
        rows: Row indices in the file, from 0, for the error; None: 0, 1, 2, …
    """
    present = is_present(array)
    if not present.all():
        raise TableError(
            f"the target {', '.join(map(repr, names))} is missing in {(~present).sum()} of "
            f"{len(present)} rows, first in row {_row(int(np.argmin(present)), rows)}"
        )


def require_no_moments(array: NDArray[Any], names: Sequence[str]) -> None:
    """Raise TableError for targets that are dates, times or durations."""
    moments = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
    of_objects = array.ravel()[:1000].tolist() if array.dtype.kind == "O" else []
    if array.dtype.kind in "mM" or any(isinstance(value, moments) for value in of_objects):
        raise TableError(
            f"the target {', '.join(map(repr, names))} holds dates or times; convert them to "
            "numbers, such as days since a date, or to classes, such as the month"
        )


def numbers_of(
    array: NDArray[Any], names: Sequence[str], rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Targets as finite float64, (num_rows, num_targets).

    Raises:
        TableError: a value is not a finite number, or distinct integers beyond 2^53 become equal.
    """
    array = array.reshape(len(array), len(names))
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        for (row, place), value in np.ndenumerate(array):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                wrong = _not_a(shown_target(value), "a number", _row(row, rows), names[place])
                raise TableError(wrong) from None
        raise
    if not np.isfinite(numbers).all():
        row, place = np.argwhere(~np.isfinite(numbers))[0]
        value = str(numbers[row, place])
        raise TableError(_not_a(value, "a finite number", _row(row, rows), names[place]))
    for place, name in enumerate(names):
        _require_exact(array[:, place], numbers[:, place], name)
    return numbers


def require_numbers_for_loss(array: NDArray[Any], loss: str) -> None:
    """Raise TableError if a regression loss is used for targets with text."""
    if array.dtype.kind not in "OU":
        return
    for value in array.ravel().tolist():
        try:
            isinstance(value, str) and float(value)
        except ValueError:
            raise TableError(
                f"the loss {loss} (--loss) is for numbers; the target holds {shown(value)}: for "
                "classes, leave --loss out"
            ) from None


def _require_exact(whole: NDArray[Any], numbers: NDArray[np.float64], name: str) -> None:
    """Raise TableError if distinct integers are equal as float64."""
    if whole.dtype.kind not in "iuO" or np.abs(numbers).max(initial=0) <= _LARGEST_EXACT:
        return
    beyond = np.abs(numbers) > _LARGEST_EXACT
    if len(set(whole[beyond].tolist())) > len(np.unique(numbers[beyond])):
        raise TableError(
            f"the target {name!r} holds integers beyond 2^53 that are equal as 64-bit floats; "
            "subtract their minimum, or add --task classification if they are identifiers"
        )


def labels_of(
    array: NDArray[Any], names: Sequence[str], rows: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Binary labels as 0 and 1, float32 (num_rows, num_labels).

    Raises:
        TableError: a value is not a spelling of yes or no.
    """
    array = array.reshape(len(array), len(names))
    if array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all():
        return array.astype(np.float32)
    labels = np.empty(array.shape, dtype=np.float32)
    for (row, place), value in np.ndenumerate(array):
        is_true = boolean_of(value)
        if is_true is None:
            wrong = _not_a(
                shown_target(value), "0 or 1, or no or yes", _row(row, rows), names[place]
            )
            raise TableError(wrong)
        labels[row, place] = is_true
    return labels


def _not_a(value: str, wanted: str, row: int, name: str) -> str:
    return f"row {row} of target {name!r} must be {wanted}, it is {value}"


def _row(place: int, rows: NDArray[np.int64] | None) -> int:
    """The number of a row, from 1."""
    return 1 + (int(place) if rows is None else int(rows[place]))


def plain(value: Any) -> Any:
    """A NumPy scalar as a Python value; other values unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def shown_target(value: Any) -> str:
    """A target value for messages."""
    return shown(value) if isinstance(value, str) else repr(plain(value))
