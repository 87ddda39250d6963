"""Convert numeric and date columns to a matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.dates import DATE_FORMATS, moments_of, part_names, parts_of
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import Column
from multilayer.columns.text_numbers import numbers_of

if TYPE_CHECKING:
    import polars as pl

_FEW_ROWS = 64  # up to so many, columns are copied one by one in less time than all by polars


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column, which becomes one number, or a date column, which becomes several.

    Attributes:
        name: Of the column.
        date_format: Format of dates in text; None for a numeric column.
        has_time: Whether dates of the training rows have times of day.
        has_indicator: Whether there is a missing-value indicator; there is if a training row is
            missing the value.
        number_format: How text writes numbers and missing values (of dates too); None:
            `NumberFormat()`.
    """

    name: str
    date_format: str | None
    has_time: bool
    has_indicator: bool
    number_format: NumberFormat | None = None

    @classmethod
    def fit(cls, series: "pl.Series", column: Column) -> tuple["NumberColumn", "pl.DataFrame"]:
        """The column as fitted to training rows, and the numbers of these rows."""
        if column.kind != "date":
            written = column.number_format
            number = cls(column.name, None, False, has_indicator=False, number_format=written)
        else:
            assert column.date_format is not None
            written = column.number_format
            missing = () if written is None else written.missing
            moments = moments_of(series, column.date_format, "the training rows", 1, missing)
            has_time = bool((moments.dt.time().cast(int) != 0).any())
            number = cls(column.name, column.date_format, has_time, False, written)
        numbers = number.numbers(series, "the training rows", first_row=1)
        has_indicator = numbers.to_series(0).null_count() > 0
        return replace(number, has_indicator=has_indicator), numbers

    @property
    def width(self) -> int:
        """Number of numbers it becomes."""
        return 1 if self.date_format is None else len(part_names(self.has_time))

    @property
    def number_names(self) -> tuple[str, ...]:
        """Name of each number."""
        if self.date_format is None:
            return (self.name,)
        return tuple(f"{self.name}: {part}" for part in part_names(self.has_time))

    def numbers(self, series: "pl.Series", source: str, first_row: int) -> "pl.DataFrame":
        """The numbers as float64 columns, null where missing or infinite."""
        if self.date_format is None:
            return numbers_of(series, source, first_row, self.number_format).to_frame()
        missing = () if self.number_format is None else self.number_format.missing
        moments = moments_of(series, self.date_format, source, first_row, missing)
        parts = parts_of(moments, self.has_time)
        return parts.rename(dict(zip(parts.columns, self.number_names, strict=True)))

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        document = asdict(self)
        del document["number_format"]
        if self.number_format is not None:
            document["number_format"] = self.number_format.to_json()
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "NumberColumn":
        """Read what `to_json` made."""
        written = document.get("number_format")
        written = None if written is None else NumberFormat.from_json(written)
        column = cls(**{**document, "number_format": written})
        is_right = (
            isinstance(column.name, str)
            and column.date_format in (None, *DATE_FORMATS)
            and isinstance(column.has_time, bool)
            and isinstance(column.has_indicator, bool)
        )
        if not is_right:
            raise ValueError(f"{column} is not a column of numbers")
        return column


def number_blocks(
    frame: "pl.DataFrame",
    columns: Sequence[NumberColumn],
    source: str,
    first_row: int,
    values_at_once: int = 2**19,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the numbers of all columns in blocks of rows.

    Yields:
        The index of the block's first row; float64 (rows of block, numbers), NaN where missing.
    """
    width = sum(column.width for column in columns)
    # Columns that are numeric already are converted together.
    types = dict(zip(frame.columns, frame.dtypes, strict=True))
    plain = [
        column.name
        for column in columns
        if column.date_format is None and types[column.name].is_numeric()
    ]
    num_rows = max(1, values_at_once // max(width, 1))
    for start in range(0, len(frame), num_rows):
        rows = frame.slice(start, num_rows)
        block = np.empty((len(rows), width))
        numbers = _matrix_of(rows, plain) if plain else block
        if len(plain) == width:
            block = np.array(numbers)
        else:
            left, used = 0, 0
            for column in columns:
                part = slice(left, left + column.width)
                if column.name in plain[used : used + 1]:
                    block[:, left] = numbers[:, used]
                    used += 1
                else:
                    made = column.numbers(rows[column.name], source, first_row + start)
                    block[:, part] = made.to_numpy()
                left += column.width
        block[~np.isfinite(block)] = np.nan
        yield start, block


def _matrix_of(frame: "pl.DataFrame", names: Sequence[str]) -> NDArray[np.float64]:
    """Numeric columns as float64, (num_rows, num_names), NaN where null."""
    import polars as pl

    if len(frame) > _FEW_ROWS:
        return frame.select(pl.col(names).cast(pl.Float64)).to_numpy()
    matrix = np.empty((len(frame), len(names)))
    for place, name in enumerate(names):
        matrix[:, place] = frame.get_column(name).to_numpy()
    return matrix
