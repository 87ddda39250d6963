"""Convert columns of any type to the few types that the rest of the package uses."""

import datetime
import decimal
import numbers
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from multilayer.columns.thousands_points import ThousandsPoints, TypedNumbers
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

# Of pandas and of masked arrays, which are not loaded to be asked.
_MISSING_TYPES = ("NAType", "NaTType", "MaskedConstant")
_TIMES = (datetime.date, datetime.time, datetime.timedelta)  # a datetime is a date


def with_plain_columns(
    frame: "pl.DataFrame", source: str = "the table", points: ThousandsPoints | None = None
) -> "pl.DataFrame":
    """Convert a frame to columns of numbers, booleans, text, dates and times.

    Categoricals become text unless their categories look like numbers; decimals become float64;
    datetimes with a time zone become UTC.

    Raises:
        TableError: a column holds lists, structs or bytes, or objects that `column_of_objects`
            refuses.
    """
    import polars as pl

    changed = []
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if type(dtype) in _plain_types():
            continue
        if dtype.is_nested() or dtype == pl.Binary:
            raise TableError(
                f"column {name!r} of {source} holds {str(dtype).lower()}; a column must hold "
                "numbers, text, booleans, dates or times"
            )
        if dtype in (pl.Categorical, pl.Enum):
            changed.append(pl.lit(as_categories(frame[name].cast(pl.String))))
        elif dtype.is_decimal():
            changed.append(pl.col(name).cast(pl.Float64))
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            changed.append(pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
        elif dtype == pl.Object:
            changed.append(pl.lit(column_of_objects(name, frame[name].to_list(), source, points)))
    return frame.with_columns(changed) if changed else frame


@cache
def _plain_types() -> frozenset[type]:
    """Of most columns, which stay as they are."""
    import polars as pl

    return frozenset((pl.String, pl.Float64, pl.Int64, pl.Boolean))


def as_categories(text: "pl.Series") -> "pl.Series":
    """Categories as text, or as `pl.Categorical` if all of them spell numbers."""
    import polars as pl

    present = text.drop_nulls().unique()
    are_numbers = len(present) > 0 and present.cast(pl.Float64, strict=False).null_count() == 0
    return text.cast(pl.Categorical) if are_numbers else text


def column_of_objects(
    name: str,
    values: Sequence[Any],
    source: str = "the table",
    points: ThousandsPoints | None = None,
) -> "pl.Series":
    """A column of Python objects: numbers, booleans, or dates and times; text for any mixture.

    None, NaN, NaT and NA are missing.

    Raises:
        TableError: a value is none of these; the error names row and column. Or numbers are mixed
            with text in which a point stands between thousands.
    """
    import polars as pl

    present = [None if _is_missing(value) else value for value in values]
    kinds = {type(value) for value in present if value is not None}
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds) and kinds:
        return pl.Series(name, [v if v is None else bool(v) for v in present], pl.Boolean)
    if all(issubclass(kind, numbers.Integral) and not _is_boolean(kind) for kind in kinds):
        whole = [None if value is None else int(value) for value in present]
        if all(value is None or -(2**63) <= value < 2**63 for value in whole):
            return pl.Series(name, whole, pl.Int64 if kinds else pl.Null)
    if all(_is_number(kind) for kind in kinds):
        return pl.Series(name, [None if v is None else _to_float(v) for v in present], pl.Float64)
    if all(issubclass(kind, _TIMES) for kind in kinds) and len(kinds) == 1:
        series = pl.Series(name, present)
        return with_plain_columns(series.to_frame(), source)[name]
    text = pl.Series(name, _as_texts(name, present, source), pl.String)
    if any(map(_is_number, kinds)):
        found = (v for v in present if v is not None and _is_number(type(v)))
        fractions = (str(number) for number in found if number % 1)
        typed = TypedNumbers(source, points or ThousandsPoints())
        typed.settled(text.to_frame(), (), lambda _: next(fractions, None))
    return text


def _as_texts(name: str, values: Iterable[Any], source: str) -> list[str | None]:
    texts: list[str | None] = []
    for row, value in enumerate(values, start=1):
        if value is None or isinstance(value, str):
            texts.append(value if value is None else str(value))
        elif isinstance(value, (numbers.Real, np.bool_, decimal.Decimal, *_TIMES)):
            texts.append(str(value))
        elif isinstance(value, bytes):
            texts.append(value.decode(errors="replace"))
        else:
            raise TableError(
                f"row {row} of column {name!r} of {source} holds a {type(value).__name__}; it must "
                "hold a number, text, a boolean, a date or a time"
            )
    return texts


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (numbers.Real, decimal.Decimal, np.datetime64, np.timedelta64)):
        return bool(value != value)  # NaN
    return type(value).__name__ in _MISSING_TYPES


def _is_boolean(kind: type) -> bool:
    return issubclass(kind, (bool, np.bool_))


def _is_number(kind: type) -> bool:
    return issubclass(kind, (numbers.Real, decimal.Decimal)) and not _is_boolean(kind)


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return float("inf") if value > 0 else float("-inf")
