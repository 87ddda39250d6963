"""Checked targets: all there, and numbers or labels where they must be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.booleans import boolean_of
from multilayer.data.target_values import is_present
from multilayer.data.text_numbers import shown
from multilayer.errors import TableError


def width_of(array: NDArray[Any]) -> int:
    """How many targets a row of (num_rows,) or (num_rows, num_targets) has."""
    return 1 if array.ndim == 1 else array.shape[1]


def require_present(array: NDArray[Any], names: Sequence[str]) -> None:
    """Raise TableError unless every row has all of its targets."""
    present = is_present(array)
    if not present.all():
        raise TableError(
            f"the target {', '.join(map(repr, names))} is missing in {(~present).sum()} of "
            f"{len(present)} rows, first in row {int(np.argmin(present)) + 1}"
        )


def numbers_of(array: NDArray[Any], names: Sequence[str]) -> NDArray[np.float64]:
    """Finite numbers, (num_rows, num_numbers)."""
    array = array.reshape(len(array), len(names))
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        for (row, place), value in np.ndenumerate(array):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                wrong = _not_a(shown_target(value), "a number", row, names[place])
                raise TableError(wrong) from None
        raise
    if not np.isfinite(numbers).all():
        row, place = np.argwhere(~np.isfinite(numbers))[0]
        value = str(numbers[row, place])
        raise TableError(_not_a(value, "a finite number", row, names[place]))
    return numbers


def labels_of(array: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    """0 and 1, (num_rows, num_labels)."""
    array = array.reshape(len(array), len(names))
    if array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all():
        return array.astype(np.float32)
    labels = np.empty(array.shape, dtype=np.float32)
    for (row, place), value in np.ndenumerate(array):
        is_true = boolean_of(value)
        if is_true is None:
            raise TableError(_not_a(shown_target(value), "0 or 1, or no or yes", row, names[place]))
        labels[row, place] = is_true
    return labels


def _not_a(value: str, wanted: str, row: int, name: str) -> str:
    return f"row {row + 1} of target {name!r} must be {wanted}, it is {value}"


def plain(value: Any) -> Any:
    """A value as Python's own, where NumPy wraps it."""
    return value.item() if isinstance(value, np.generic) else value


def shown_target(value: Any) -> str:
    """A value as errors show it."""
    return shown(value) if isinstance(value, str) else repr(plain(value))
