"""The rows of a request, checked against a model's columns."""

import io
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import enumerated, require_columns
from multilayer.errors import DataWarning, escaped
from multilayer.reading.csv import read_csv_pieces
from multilayer.reading.table_format import TableFormat
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel

if TYPE_CHECKING:
    import polars as pl

SOURCE = "the request"
_SCALARS = {type(None), bool, int, float, str}
_DIGITS = {int, float}
_NUMBERS = {type(None), *_DIGITS}
_PLAIN = NumberFormat()
_FEW_ROWS = 64
_LARGEST = sys.float_info.max
_KINDS: dict[type, str] = {list: "a list", dict: "an object"}


@dataclass
class Rows:
    """The rows of a request; exactly one of `columns`, `frame` and `images` is given.

    Attributes:
        num_rows: At least 1, but for a table without rows.
        columns: Values of each column that the model needs, from JSON.
        frame: A table of text, with all its columns, from CSV.
        images: uint8, (num_rows, height, width).
        notes: What was left out or changed.
        as_numbers: Columns whose text has a format of its own, and that are given as numbers. Only
            rows that agree in them are answered together.
        answered: The table as it was answered, if not together with others'.
    """

    num_rows: int
    columns: dict[str, list[Any]] | None = None
    frame: "pl.DataFrame | None" = None
    images: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()
    as_numbers: frozenset[str] = frozenset()
    answered: "pl.DataFrame | None" = None


def rows_of_objects(served: ServedModel, objects: Any, max_rows: int) -> Rows:
    """The rows of a list of JSON objects.

    As in a file, a field that an object lacks is a missing value, and a column that all lack is an
    error.

    Raises:
        RefusalError: this is no list of objects with a value for each column.
        TableError: columns are missing.
    """
    if not isinstance(objects, list):
        raise RefusalError(400, f"rows must be a list of objects, not {_kind(objects)}")
    check_number_of_rows(len(objects), max_rows)
    for place, row in enumerate(objects, 1):
        if type(row) is not dict:
            raise RefusalError(
                400, f"row {place} must be an object such as {_example(served)}; it is {_kind(row)}"
            )
    names = served.model.encoder.column_names
    present = list(objects[0])
    if all(list(row) == present for row in objects):
        found = dict(zip(present, zip(*map(dict.values, objects), strict=True), strict=True))
        require_columns(names, present, SOURCE)
        columns = {name: list(found[name]) for name in names}
    else:
        present = list(dict.fromkeys(name for row in objects for name in row))
        require_columns(names, present, SOURCE)
        columns = {name: [row.get(name) for row in objects] for name in names}
    return rows_of_columns(served, columns, len(objects), present)


def rows_of_columns(
    served: ServedModel, columns: dict[str, list[Any]], num_rows: int, present: Sequence[str]
) -> Rows:
    """Rows of columns of JSON values.

    Args:
        served: the model.
        columns: those that it needs.
        num_rows: the length of each.
        present: names of all columns of the request.

    Raises:
        RefusalError: a value is a list or an object, or no finite number.
    """
    for name, values in columns.items():
        kinds = set(map(type, values))
        if (float in kinds and (math.inf in values or -math.inf in values)) or (
            int in kinds and any(type(value) is int and abs(value) > _LARGEST for value in values)
        ):
            raise RefusalError(
                400, f"column {escaped(name)!r} of {SOURCE} holds a number that is too large; a "
                "missing value is null",
            )  # fmt: skip
        if not kinds <= _SCALARS:
            row = next(row for row, value in enumerate(values) if type(value) not in _SCALARS)
            raise RefusalError(
                400, f"row {row + 1} of column {escaped(name)!r} of {SOURCE} must hold "
                f"{_expected(served, name)}; it holds {_kind(values[row])}",
            )  # fmt: skip
    as_numbers = set()
    for name, number_format in served.numeric.items():
        if number_format == _PLAIN or not any(type(value) in _DIGITS for value in columns[name]):
            continue
        if _NUMBERS.issuperset(map(type, columns[name])):
            as_numbers.add(name)
        else:  # beside texts in their format
            columns[name] = [_written(value, number_format) for value in columns[name]]
    notes = notes_on_ignored(served, present)
    return Rows(num_rows, columns, notes=notes, as_numbers=frozenset(as_numbers))


def rows_of_csv(served: ServedModel, content: bytes, encoding: str | None, max_rows: int) -> Rows:
    """The rows of CSV, read as `multilayer predict` reads a file.

    Raises:
        RefusalError: there are too many rows.
        TableError: it cannot be read, or columns are missing.
    """
    import polars as pl

    if served.model.image_shape is not None:
        raise RefusalError(415, "this model classifies images; send image/png, image/jpeg or JSON")
    pieces, num_rows = [], 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        stream: io.BufferedReader = io.BufferedReader(io.BytesIO(content))
        for piece in read_csv_pieces(stream, SOURCE, TableFormat(encoding=encoding)):
            pieces.append(piece)
            num_rows += len(piece)
            check_number_of_rows(num_rows, max_rows, least=0)
    frame = pieces[0] if len(pieces) == 1 else pl.concat(pieces, how="diagonal_relaxed")
    require_columns(served.model.encoder.column_names, frame.columns, SOURCE)
    notes = [str(one.message) for one in caught if issubclass(one.category, DataWarning)]
    return Rows(
        num_rows, frame=frame, notes=(*notes, *notes_on_ignored(served, frame.columns))
    )  # fmt: skip


def check_number_of_rows(num_rows: int, max_rows: int, least: int = 1) -> None:
    """Refuse requests without rows, or with too many."""
    if num_rows < least:
        raise RefusalError(400, f"{SOURCE} holds no rows")
    if num_rows > max_rows:
        raise RefusalError(413, f"{SOURCE} holds more than {max_rows:,} rows; send fewer at once")


def frame_of(served: ServedModel, parts: Sequence[Rows]) -> "pl.DataFrame":
    """The rows of several requests as one table, from which each gets the answers it gets alone.

    Columns are text, as read from a file; columns of numbers alone are numbers.
    """
    import polars as pl

    if parts[0].frame is not None:
        assert len(parts) == 1
        return parts[0].frame
    schema: dict[str, Any] = {}
    columns: list[list[Any]] = []
    for name in served.model.encoder.column_names:
        values: list[Any] = []
        for rows in parts:
            assert rows.columns is not None
            values += rows.columns[name]
        is_number = name in parts[0].as_numbers or (
            served.numeric.get(name) == _PLAIN and _NUMBERS.issuperset(map(type, values))
        )
        schema[name] = pl.Float64 if is_number else pl.String
        columns.append([*map(_number if is_number else _text, values)])
    try:
        if len(columns[0]) <= _FEW_ROWS:  # in a fifth of the time
            return pl.DataFrame([*zip(*columns, strict=True)], schema=schema, orient="row")
        return pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema)
    except UnicodeEncodeError:
        raise RefusalError(
            400, f"a text of {SOURCE} holds half of a surrogate pair, which is no text"
        ) from None


def notes_on_ignored(served: ServedModel, present: Sequence[str]) -> tuple[str, ...]:
    """A note on columns that the model does not use, but for its targets."""
    names = served.model.table_encoder.ignored_columns(present)
    ignored = [name for name in names if name not in served.model.targets.names]
    if not ignored:
        return ()
    return (f"columns that are not needed: {escaped(enumerated(ignored))}",)


def _number(value: float | None) -> float | None:
    return value if value is None else float(value)


def _written(value: Any, number_format: NumberFormat) -> Any:
    """A number as text with the decimal sign of its column; other values unchanged."""
    return str(value).replace(".", number_format.decimal) if type(value) in _DIGITS else value


def _text(value: Any) -> str | None:
    """A JSON value as in a file of JSON lines."""
    if value is None or type(value) is str:
        return value
    return str(value).lower() if type(value) is bool else str(value)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), repr(value)[:40])


def _expected(served: ServedModel, name: str) -> str:
    return "a number" if name in served.numeric else "a text, a number, true, false or null"


def _example(served: ServedModel) -> str:
    first: Mapping[str, Any] = dict(list(served.example.items())[:1])
    return str(first).replace("'", '"')
