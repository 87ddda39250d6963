"""Raw targets: as arrays, which are missing, and the task they imply."""

from contextlib import suppress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.missing import present_values
from multilayer.columns.value_format import boolean_of
from multilayer.errors import TableError

Task = Literal["binary", "multiclass", "multilabel", "regression"]

# For labels in memory; NumPy spells NaN "nan" when it converts a mixture to text.
_MISSING_TEXTS = ("", "nan")
_MOST_CLASSES_OF_NUMBERS, _FEWEST_ROWS_A_CLASS = 20, 10


def target_array(values: Any) -> NDArray[Any]:
    """Targets of any usual form as an array, (num_rows,) or (num_rows, num_targets).

    Args:
        values: A list, an array, or a column or frame of polars, pandas or pyarrow; (num_rows, 1)
            becomes (num_rows,).

    Raises:
        TableError: more than two dimensions, or rows of different lengths.
    """
    import polars as pl

    if isinstance(values, pl.DataFrame):
        columns = [target_array(series) for series in values.iter_columns()]
        dtype = np.result_type(*columns) if all(c.dtype.kind in "biuf" for c in columns) else object
        array = np.empty((len(values), len(columns)), dtype=dtype)
        for place, column in enumerate(columns):
            array[:, place] = column
    elif isinstance(values, pl.Series):
        if values.dtype.is_decimal():
            values = values.cast(pl.Float64)
        is_whole = values.dtype == pl.Boolean or (
            values.dtype.is_integer() and not str(values.dtype).endswith("128")
        )
        if values.dtype.is_float() or (is_whole and values.null_count() == 0):
            array = values.to_numpy()
        else:
            array = _objects(values.to_list())
    elif isinstance(values, np.ma.MaskedArray):
        array = _unmasked(values)
    else:
        try:
            array = values if isinstance(values, np.ndarray) else _array_of(values)
        except ValueError as error:
            raise TableError("targets must be rows of equal length") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise TableError(f"targets must have one or two dimensions; their shape is {array.shape}")
    return array


def is_present(values: Any) -> NDArray[np.bool_]:
    """Whether each row has all of its targets, (num_rows,).

    None, NaN, NA, masked values, empty text and "nan" are missing. Any other text in memory is a
    label, even "NA"; for files `RowReader` recognizes more spellings.
    """
    import polars as pl

    if isinstance(values, pl.DataFrame) and values.width:
        present = np.stack([is_present(series) for series in values.iter_columns()])
        return np.asarray(present.all(axis=0))
    if isinstance(values, pl.Series) and values.dtype == pl.String:
        return np.asarray(present_values(values, _MISSING_TEXTS).is_not_null().to_numpy())
    array = target_array(values)
    if array.dtype.kind == "f":
        present = ~np.isnan(array)
    elif array.dtype.kind in "biu":
        present = np.ones(array.shape, dtype=np.bool_)
    elif array.dtype.kind in "mM":
        present = ~np.isnat(array)
    else:
        present = _are_present(array.ravel().tolist()).reshape(array.shape)
    return np.asarray(present if present.ndim == 1 else present.all(axis=1))


def infer_task(values: Any) -> Task:
    """The task implied by the targets.

    Several columns are multilabel if all values are spellings of yes and no, else regression. One
    column of text or booleans is classification; so is one of integers with at most 20 distinct
    values and ten rows for each on average, or with two distinct values.
    """
    array = target_array(values)
    array = array[is_present(array)]
    if array.ndim == 2:
        are_labels = all(boolean_of(value) is not None for value in set(array.ravel().tolist()))
        return "multilabel" if are_labels else "regression"
    if array.dtype.kind == "f" and (array != np.round(array)).any():
        return "regression"
    distinct = set(array.tolist())
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in distinct):
        are_whole = all(float(value).is_integer() for value in distinct)
        are_few = len(distinct) <= min(_MOST_CLASSES_OF_NUMBERS, len(array) / _FEWEST_ROWS_A_CLASS)
        if not are_whole or (len(distinct) != 2 and not are_few):
            return "regression"
    return "binary" if len(distinct) <= 2 else "multiclass"


def _unmasked(values: Any) -> NDArray[Any]:
    """A masked array as an array, None or NaN where masked."""
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.asarray(values.data)
    if values.dtype.kind == "f":
        return np.where(mask, np.nan, values.data)
    array = np.asarray(values.data).astype(object)
    array[mask] = None
    return array


def _array_of(values: Any) -> NDArray[Any]:
    if hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy())
    if hasattr(values, "__array__"):
        return np.asarray(values)
    values = list(values)
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in values):
        return np.array(values)
    kinds = {type(value) for value in values}
    # NumPy would convert a mixture of numbers and text to text, and large integers to floats.
    array = np.array(values) if len(kinds) == 1 else _objects(values)
    return _objects(values) if kinds == {int} and array.dtype.kind == "f" else array


def _objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _are_present(values: list[Any]) -> NDArray[np.bool_]:
    with suppress(TypeError):  # an unhashable value
        if not any(map(_is_missing, set(values))):
            return np.ones(len(values), dtype=np.bool_)
    return np.fromiter((not _is_missing(value) for value in values), np.bool_, len(values))


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _MISSING_TEXTS
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
