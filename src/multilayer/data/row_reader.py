"""The rows of a piece of a table that count, with their targets and weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.schema import require_columns
from multilayer.data.target_values import is_present, target_array
from multilayer.data.text_numbers import numbers_of
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class CountingRows:
    """Rows that have a target, and a weight above 0 if there are weights.

    Attributes:
        numbers: of the rows in the piece, ascending.
        targets: (num_rows,) or (num_rows, num_targets).
        weights: (num_rows,); None: all rows count alike.
        num_without_target: rows that were left out for that.
    """

    numbers: NDArray[np.int64]
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None
    num_without_target: int


@dataclass(frozen=True)
class RowReader:
    """Finds the rows that count.

    Args:
        target: columns to be predicted.
        number_types: for each target the type of number that its text stands for, such as
            "Int64"; None: it is taken as it is.
        weight: the column of weights.
        source: what errors call the table.
        is_strict: a row without target is an error.
    """

    target: tuple[str, ...]
    number_types: tuple[str | None, ...]
    weight: str | None
    source: str
    is_strict: bool = False

    def read(self, piece: "pl.DataFrame", first_row: int) -> CountingRows:
        """Read a piece.

        Args:
            piece: of the table.
            first_row: the number of its first row, from 1, for errors.

        Raises:
            TableError: a column is not there; a weight is missing, negative or no number; a target
                is no number where the others are, or is missing and the reader is strict.
        """
        others = () if self.weight is None else (self.weight,)
        require_columns([*self.target, *others], piece.columns, self.source)
        columns = piece.select(self.target)
        is_there = is_present(columns if len(self.target) > 1 else columns.to_series())
        if self.is_strict and not is_there.all():
            row = first_row + int(np.argmin(is_there))
            names = ", ".join(map(repr, self.target))
            raise TableError(f"target {names} of {self.source} is missing in row {row}")
        counts, weights = is_there, None
        if self.weight is not None:
            weights = self._weights(piece[self.weight], first_row)
            counts = is_there & (weights > 0)
        numbers = np.flatnonzero(counts)
        targets = self._targets(columns, first_row)
        return CountingRows(
            numbers,
            targets[numbers],
            None if weights is None else weights[numbers],
            int((~is_there).sum()),
        )

    def _targets(self, columns: "pl.DataFrame", first_row: int) -> NDArray[Any]:
        import polars as pl

        series = [
            column
            if number_type is None or column.dtype != pl.String
            else numbers_of(column, self.source, first_row).cast(getattr(pl, number_type))
            for column, number_type in zip(columns.iter_columns(), self.number_types, strict=True)
        ]
        return target_array(series[0] if len(series) == 1 else pl.DataFrame(series))

    def _weights(self, series: "pl.Series", first_row: int) -> NDArray[np.float64]:
        numbers = numbers_of(series, self.source, first_row)
        if numbers.null_count():
            row = first_row + int(numbers.is_null().arg_max() or 0)
            raise TableError(f"weight {series.name!r} of {self.source} is missing in row {row}")
        weights: NDArray[np.float64] = numbers.to_numpy().astype(np.float64)
        if (weights < 0).any():
            row = first_row + int(np.argmax(weights < 0))
            raise TableError(
                f"weight {series.name!r} of {self.source} must be at least 0, in row {row} it is "
                f"{weights[row - first_row]:g}"
            )
        return weights
