"""Convert text to numbers."""

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.missing import present_text
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.written_numbers import written_numbers
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

# 007 is a code, not the number 7; 0, 0.7 and -0.7 are numbers.
LEADING_ZERO = r"^\s*[+-]?0[0-9]"
# Letters that do not occur in 1e5, inf or NaN; and 2024-01-31 is a date.
_NO_PLAIN_NUMBER = re.compile(r"[b-dghj-mo-su-xz]|\d-\s*\d", re.IGNORECASE)
_PERHAPS_NUMBER = re.compile(r"\d|inf|nan", re.IGNORECASE)
_ROWS_TO_GLANCE_AT = 200
_VALUE_SHOWN = 40


def numbers_of(
    series: "pl.Series",
    source: str = "the table",
    first_row: int = 1,
    number_format: NumberFormat | None = None,
    row_numbers: NDArray[np.int64] | None = None,
) -> "pl.Series":
    """A column as float64, null where a value is missing, NaN or infinite.

    Args:
        series: Numbers, booleans, durations (converted to seconds) or text.
        source: Name of the table in errors.
        first_row: The number of the first row, for errors.
        number_format: How text writes numbers; None: `NumberFormat()`.
        row_numbers: Row numbers, if they are not consecutive.

    Raises:
        TableError: a text is not a number, or the column holds dates.
    """
    import polars as pl

    if series.dtype == pl.Categorical:
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        numbers = numbers_of_text(series, source, first_row, number_format, row_numbers)
    elif series.dtype == pl.Duration:
        numbers = series.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
        numbers = series.cast(pl.Float64)
    else:
        raise TableError(
            f"column {series.name!r} of {source} must hold numbers, it holds "
            f"{str(series.dtype).lower()} values"
        )
    return numbers.set(~numbers.is_finite(), None) if len(numbers) else numbers


def numbers_of_text(
    series: "pl.Series",
    source: str,
    first_row: int,
    number_format: NumberFormat | None,
    row_numbers: NDArray[np.int64] | None,
) -> "pl.Series":
    """A column of text as float64, null where a value is missing; the arguments of `numbers_of`.

    Raises:
        TableError: a text is not a number.
    """
    numbers = parse_numbers(series, number_format)
    if numbers is None:
        row = first_not_a_number(series, number_format)
        number = first_row + row if row_numbers is None else row_numbers[row]
        raise TableError(
            f"row {number} of column {series.name!r} of {source} must be a number"
            f"{_as(number_format)}, it is {shown(series[row])}"
        )
    return numbers


def with_numbers_found(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Convert each text column in which every value is a number.

    Integers that fit 64 bits become int64, others float64. Usual spellings of missing values become
    null. Columns stay text if a value has a leading zero (007 is a code), a decimal comma or a
    thousands separator, if all are telephone numbers, or if all are missing.
    """
    import polars as pl

    return pl.DataFrame(
        [
            _with_numbers_found(series) if series.dtype == pl.String else series
            for series in frame.iter_columns()
        ]
    )


def _with_numbers_found(text: "pl.Series") -> "pl.Series":
    # The first rows rule out most text columns.
    if parse_numbers(text.head(_ROWS_TO_GLANCE_AT)) is None:
        return text
    numbers = parse_numbers(text)
    if numbers is not None:
        numbers = numbers.fill_nan(None)
    if numbers is None or numbers.null_count() == len(numbers):
        return text
    if text.str.contains(LEADING_ZERO).any() or are_telephone_numbers(text):
        return text
    return whole_if_exact(text, numbers)


def are_telephone_numbers(text: "pl.Series") -> bool:
    """Whether every text is + followed by 8 to 15 digits."""
    present = text.drop_nulls()
    if not len(present) or not str(present[0]).lstrip().startswith("+"):
        return False
    return all(
        bool(part.str.contains(r"^\s*\+\d{8,15}\s*$").all())
        for part in (present.head(_ROWS_TO_GLANCE_AT), present)
    )


def whole_if_exact(text: "pl.Series", numbers: "pl.Series") -> "pl.Series":
    """Text as int64 if all its numbers are integers that fit; else `numbers`, which are float64."""
    import polars as pl

    for part in (text.head(_ROWS_TO_GLANCE_AT), text):
        num_missing = numbers.head(len(part)).null_count()
        whole = part.cast(pl.Int64, strict=False)
        if whole.null_count() > num_missing:  # perhaps because of spaces around them
            whole = part.str.strip_chars().cast(pl.Int64, strict=False)
        if whole.null_count() > num_missing:
            return numbers
    return whole


def parse_numbers(
    text: "pl.Series", number_format: NumberFormat | None = None
) -> "pl.Series | None":
    """Text as float64, null where missing in any usual spelling; None if a value is not a number.

    Args:
        text: The column.
        number_format: How its numbers are written; None: `NumberFormat()`.
    """
    import polars as pl

    number_format = number_format or NumberFormat()
    if number_format.is_plain:
        numbers = text.cast(pl.Float64, strict=False)
        if numbers.null_count() == text.null_count():
            return numbers
        is_other = numbers.is_null() & text.is_not_null()
        first = text[is_other.arg_max() or 0].strip()
        if not _is_missing(first, number_format) and not _is_number(first, number_format):
            return None
    numbers = written_numbers(text, number_format)
    others = text.filter(numbers.is_null()).drop_nulls().unique()
    return numbers if all(_is_missing(other, number_format) for other in others) else None


def first_not_a_number(text: "pl.Series", number_format: NumberFormat | None = None) -> int:
    """The row of the first value that is not a number, or else has a leading zero; else 0."""
    number_format = number_format or NumberFormat()
    numbers = written_numbers(text, number_format)
    for row in numbers.is_null().arg_true():
        if text[row] is not None and not _is_missing(text[row], number_format):
            return int(row)
    return text.str.contains(LEADING_ZERO).arg_max() or 0


def _as(number_format: NumberFormat | None) -> str:
    """For errors, the expected number format unless it is plain."""
    if number_format is None or number_format.is_plain:
        return ""
    between = f"1{number_format.thousands}234" if number_format.thousands else "1234"
    affix = f" with {number_format.affixes[0]}" if number_format.affixes else ""
    return f" written as {between}{number_format.decimal}5{affix}"


def _is_missing(text: str, number_format: NumberFormat) -> bool:
    return present_text(text) is None or text.strip() in number_format.missing


def _is_number(text: str, number_format: NumberFormat) -> bool:
    import polars as pl

    if number_format.is_plain and (
        _NO_PLAIN_NUMBER.search(text) or not _PERHAPS_NUMBER.search(text)
    ):
        return False
    return written_numbers(pl.Series([text]), number_format).null_count() == 0


def shown(text: str) -> str:
    """A value for messages: quoted, cut to 40 characters."""
    return repr(str(text) if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…")
