"""Convert any table in memory to a polars frame."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.errors import TableError
from multilayer.reading.plain_columns import as_categories, column_of_objects, with_plain_columns

if TYPE_CHECKING:
    import polars as pl

_Column = Callable[[str, Sequence[Any]], "pl.Series"]
_FEW_ROWS = 16  # up to so many, a frame is made of rows in less time than of columns


def as_frame(
    X: Any, names: Sequence[str] | None = None, points: ThousandsPoints | None = None
) -> "pl.DataFrame":
    """Convert a table in memory to a polars frame.

    Missing values may be None, NaN or NA. Infinite numbers are kept; an encoder treats them as
    missing.

    Args:
        X: A frame of polars, pandas, pyarrow or another library supported by narwhals; a NumPy
            array or a scipy sparse matrix, (num_rows, num_columns); a list of rows, each a list or
            a mapping; or a mapping from column names to columns or, for one row, to values.
        names: Column names if X has none; None: x0, x1, …
        points: Columns in whose text a point may stand between thousands.

    Returns:
        Columns of numbers, booleans, text, dates and times. Numbers of a NumPy array keep their
        precision.

    Raises:
        TableError: X is none of these, is not two-dimensional, its rows differ in length, two
            columns have the same name, or a value is not a number, text, boolean, date or time;
            or a column mixes numbers with text in which a point stands between thousands.

    Examples:
        >>> from multilayer import as_frame
        >>> as_frame([[1.0, "a"], [2.5, "b"]], names=["size", "kind"]).schema
        Schema([('size', Float64), ('kind', String)])
        >>> as_frame({"size": [1.0, 2.5]}).shape
        (2, 1)
    """
    import polars as pl

    column = partial(column_of_objects, points=points)

    if "numpy.ma" in sys.modules and isinstance(X, np.ma.MaskedArray):  # it loads slowly
        is_number = X.dtype.kind in "fiu"
        empty: Any = np.nan if is_number else None
        X = np.where(np.ma.getmaskarray(X), empty, X.data.astype(float if is_number else object))
    if isinstance(X, pl.LazyFrame):
        X = X.collect()
    if isinstance(X, pl.DataFrame):
        return with_plain_columns(X, points=points)
    if hasattr(X, "toarray") and hasattr(X, "nnz"):  # before Mapping: dok_matrix is one
        return _frame_of_array(X.toarray(), names, column)
    if isinstance(X, Mapping):
        if not any(_is_column(values) for values in X.values()):
            return _frame_of_rows([X], names, column)
        for name, values in X.items():
            if not _is_column(values):
                raise TableError(
                    f"column {str(name)!r} of the mapping holds {values!r:.80}; each column must "
                    "be a list or an array, or each a single value for one row"
                )
        columns = {name: column(str(name), list(values)) for name, values in X.items()}
        _require_equal_lengths({str(name): len(column) for name, column in columns.items()})
        return pl.DataFrame(list(columns.values()))
    if isinstance(X, (list, tuple)):
        return _frame_of_rows(X, names, column)
    if hasattr(X, "columns") or hasattr(X, "column_names"):
        return _frame_of_frame(X, column)
    if hasattr(X, "__array__"):
        return _frame_of_array(np.asarray(X), names, column)
    raise TableError(
        f"a table must be a frame, an array or a list of rows, not a {type(X).__name__}"
    )


def _frame_of_array(
    X: NDArray[Any], names: Sequence[str] | None, column: _Column
) -> "pl.DataFrame":
    import polars as pl

    if X.ndim != 2:
        raise TableError(
            f"a table must have two dimensions, rows and columns; this array has the shape "
            f"{X.shape}"
        )
    names = _column_names(X.shape[1], names)
    if X.dtype.kind in "fiub" and X.dtype.itemsize <= 8:
        if X.dtype == np.float16:
            X = X.astype(np.float32)
        # Contiguous columns are not copied again.
        columns = np.ascontiguousarray(X.T)
        return pl.DataFrame([pl.Series(name, c) for name, c in zip(names, columns, strict=True)])
    if X.dtype.kind == "f":
        return _frame_of_array(X.astype(np.float64), names, column)
    if X.dtype.kind == "c":
        raise TableError("complex numbers cannot be columns of a table")
    if X.dtype.kind in "UOSMm":
        as_objects = (
            X
            if X.dtype.kind in "OUS"
            else X.astype("datetime64[us]" if X.dtype.kind == "M" else "timedelta64[us]")
        )
        return pl.DataFrame(
            [column(name, as_objects[:, place].tolist()) for place, name in enumerate(names)]
        )
    raise TableError(f"an array of type {X.dtype} cannot be a table")


def _frame_of_rows(
    rows: Sequence[Any], names: Sequence[str] | None, column: _Column
) -> "pl.DataFrame":
    import polars as pl

    if rows and all(isinstance(row, Mapping) for row in rows):
        found = dict.fromkeys(str(name) for row in rows for name in row)
        few = _frame_of_few(rows, list(found)) if found and len(rows) <= _FEW_ROWS else None
        if few is not None:
            return few
        return pl.DataFrame([column(name, [row.get(name) for row in rows]) for name in found])
    lengths = [
        len(row) if hasattr(row, "__len__") and not isinstance(row, str) else -1 for row in rows
    ]
    for row, length in enumerate(lengths, start=1):
        if length != lengths[0] or length < 0:
            what = f"{length} values" if length >= 0 else f"a {type(rows[row - 1]).__name__}"
            raise TableError(
                f"row {row} of the list holds {what}; a table is a list of rows of equal length"
            )
    width = lengths[0] if rows else 0
    values = list(zip(*rows, strict=True)) if rows else []
    return pl.DataFrame(
        [
            column(name, of_column)
            for name, of_column in zip(_column_names(width, names), values, strict=True)
        ]
    )


def _frame_of_few(rows: Sequence[Mapping[str, Any]], names: list[str]) -> "pl.DataFrame | None":
    """`column_of_objects` for all columns at once, where each has one simple type; else None."""
    import polars as pl

    known = {float: pl.Float64, int: pl.Int64, str: pl.String, bool: pl.Boolean}
    schema, columns = {}, []
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = set(map(type, values)) - {type(None)}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind not in known:
            return None
        if kind is float:
            values = [value if value == value else None for value in values]
            if values.count(None) == len(values):
                return None
        if kind is int and not all(v is None or -(2**63) <= v < 2**63 for v in values):
            return None
        schema[name] = known[kind]
        columns.append(values)
    plain = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return pl.from_dicts(plain, schema=schema)


def _frame_of_frame(X: Any, column: _Column) -> "pl.DataFrame":
    import narwhals as nw
    import polars as pl

    given = (
        X.columns if hasattr(X, "columns") and not hasattr(X, "column_names") else (X.column_names)
    )
    names = [str(name) for name in given]
    _require_distinct(names)
    try:
        frame = nw.from_native(X, eager_only=True)
    except TypeError:
        raise TableError(
            f"a table must be a frame, an array or a list of rows, not a {type(X).__name__}"
        ) from None
    columns = []
    for name, series in zip(names, frame.iter_columns(), strict=True):
        columns.append(_series_of_series(name, series, column))
    return pl.DataFrame(columns)


def _series_of_series(name: str, series: Any, column: _Column) -> "pl.Series":
    """A column of another library; pandas columns do not need pyarrow."""
    import narwhals as nw
    import polars as pl

    dtype = series.dtype
    if dtype.is_numeric() and not dtype.is_decimal():
        values = series.to_numpy()
        if values.dtype.kind in "fiu":
            return pl.Series(
                name, values.astype(np.float32) if values.dtype == np.float16 else values
            )
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.Series(name, series.to_numpy().astype("datetime64[us]"))
    if dtype in (nw.Categorical, nw.Enum):
        values = [None if _absent(value) else str(value) for value in series.to_list()]
        return as_categories(pl.Series(name, values, pl.String))
    if dtype.is_nested():
        raise TableError(
            f"column {name!r} of the table holds {str(dtype).lower()}; a column must hold numbers, "
            "text, booleans, dates or times"
        )
    return column(name, series.to_list())


def _is_column(values: Any) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)


def _absent(value: Any) -> bool:
    return value is None or value != value


def _column_names(num_columns: int, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [f"x{place}" for place in range(num_columns)]
    if len(names) != num_columns:
        raise TableError(f"a table of {num_columns} columns was given {len(names)} names")
    names = [str(name) for name in names]
    _require_distinct(names)
    return names


def _require_distinct(names: Sequence[str]) -> None:
    places: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if name in places:
            raise TableError(f"columns {places[name]} and {place} have the same name {name!r}")
        places[name] = place


def _require_equal_lengths(lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        (one, few), *_, (other, many) = sorted(lengths.items(), key=lambda pair: pair[1])
        raise TableError(
            f"columns must be of equal length; {one!r} has {few} values and {other!r} {many}"
        )
