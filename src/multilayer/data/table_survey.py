"""One reading of a table of any size: how many rows, which classes, and a sample to judge by."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.row_reader import RowReader
from multilayer.data.text_numbers import with_numbers_found
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

_MOST_CLASSES = 50_000


class RowSample:
    """Rows drawn evenly from a table of any size.

    Args:
        num_rows: how many; all of them, in order, if the table has no more.
        seed: not negative. The same rows, number and seed give the same sample, whatever the
            pieces.

    Attributes:
        numbers: of the rows in the sample, from 0, ascending.
    """

    def __init__(self, num_rows: int, seed: int) -> None:
        self._num_rows = num_rows
        self._generator = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=tuple(b"sample"))
        )
        self._frame: pl.DataFrame | None = None
        self._keys = np.empty(0)  # the rows with the smallest random numbers stay
        self.numbers: NDArray[np.int64] = np.empty(0, np.int64)
        self._num_seen = 0

    def add(self, piece: "pl.DataFrame") -> None:
        """See some rows more."""
        import polars as pl

        keys = self._generator.random(len(piece))
        numbers = np.arange(self._num_seen, self._num_seen + len(piece))
        self._num_seen += len(piece)
        if self._frame is None:
            self._frame = piece.clear()
        if len(self._keys) == self._num_rows:
            hopeful = np.flatnonzero(keys < self._keys.max())
            piece, keys, numbers = piece[hopeful], keys[hopeful], numbers[hopeful]
        if len(piece) == 0:
            return
        frame = pl.concat([self._frame, piece], how="diagonal_relaxed")
        keys = np.concatenate([self._keys, keys])
        numbers = np.concatenate([self.numbers, numbers])
        if len(keys) > self._num_rows:
            stay = np.sort(np.argpartition(keys, self._num_rows)[: self._num_rows])
            frame, keys, numbers = frame[stay], keys[stay], numbers[stay]
        self._frame, self._keys, self.numbers = frame, keys, numbers

    @property
    def frame(self) -> "pl.DataFrame":
        """The rows in the order of the table.

        Raises:
            TableError: there was nothing to draw from.
        """
        if self._frame is None:
            raise TableError("there is no table to draw rows from")
        return self._frame


class TableSurvey:
    """What must be known of a table before its rows can be encoded one by one.

    Args:
        target: columns to be predicted.
        weight: column of weights.
        source: what errors call the table.
        sample_rows: how many rows to judge columns by.
        seed: of the sample.
        is_strict: a row without target is an error.

    Attributes:
        num_rows_read: rows of the table so far.
        num_without_target: of these.
        num_rows: rows that count: with a target, and a weight above 0.
    """

    def __init__(
        self,
        target: Sequence[str],
        weight: str | None,
        source: str,
        sample_rows: int,
        seed: int,
        *,
        is_strict: bool = False,
    ) -> None:
        names = tuple(target)
        self._reader = RowReader(names, (None,) * len(names), weight, source, is_strict)
        self._sample = RowSample(sample_rows, seed)
        self._first_rows: dict[Any, int] | None = {} if len(names) == 1 else None
        self._weight_sum, self._weight_range = 0.0, (np.inf, -np.inf)
        self.num_rows_read = self.num_without_target = self.num_rows = 0

    def add(self, piece: "pl.DataFrame") -> None:
        """Look at some rows more.

        Raises:
            TableError: see `RowReader.read`.
        """
        rows = self._reader.read(piece, self.num_rows_read + 1)
        self._sample.add(piece if len(rows.numbers) == len(piece) else piece[rows.numbers])
        if self._first_rows is not None:
            for row, value in enumerate(rows.targets.tolist(), start=self.num_rows):
                self._first_rows.setdefault(value, row)
            if len(self._first_rows) > _MOST_CLASSES:
                self._first_rows = None
        if rows.weights is not None and len(rows.weights):
            low, high = self._weight_range
            self._weight_sum += float(rows.weights.sum())
            self._weight_range = (min(low, rows.weights.min()), max(high, rows.weights.max()))
        self.num_rows_read += len(piece)
        self.num_rows += len(rows.numbers)
        self.num_without_target += rows.num_without_target

    @property
    def sample(self) -> "pl.DataFrame":
        """Rows that count; text that stands for numbers has become numbers."""
        return with_numbers_found(self._sample.frame)

    def sample_targets(self) -> NDArray[Any]:
        """The targets of the sample, as `reader` reads them."""
        return self.reader().read(self._sample.frame, 1).targets

    def sample_weights(self) -> NDArray[np.float64] | None:
        """The weights of the sample, if there are weights."""
        return self._reader.read(self._sample.frame, 1).weights

    @property
    def sample_as_read(self) -> "pl.DataFrame":
        """The same rows, their text as it is in the file."""
        return self._sample.frame

    @property
    def sample_numbers(self) -> NDArray[np.int64]:
        """Which of the rows that count the sample has, from 0."""
        return self._sample.numbers

    @property
    def mean_weight(self) -> float | None:
        """Of the rows that count; None where all count alike."""
        low, high = self._weight_range
        return self._weight_sum / self.num_rows if low < high else None

    def reader(self) -> RowReader:
        """Reads targets as what they are in the table as a whole."""
        import polars as pl

        sample = self.sample
        types = [None if t == pl.String else str(t) for t in sample[self._target].dtypes]
        classes = self.classes()
        if classes is not None and sample[self._target[0]].dtype != classes.dtype:
            types = [None if classes.dtype == pl.String else str(classes.dtype)]
        is_number = [name is not None and getattr(pl, name).is_numeric() for name in types]
        numbers = [name if is_it else None for name, is_it in zip(types, is_number, strict=True)]
        return replace(self._reader, number_types=tuple(numbers))

    def classes(self) -> "pl.Series | None":
        """The distinct targets, of a single target that has not too many of them."""
        import polars as pl

        if self._first_rows is None:
            return None
        values = pl.DataFrame({self._target[0]: list(self._first_rows)}, strict=False)
        return with_numbers_found(values).to_series()

    def first_rows(self) -> tuple[int, ...]:
        """The number of each class's first row; see `classes`."""
        return () if self._first_rows is None else tuple(sorted(self._first_rows.values()))

    @property
    def _target(self) -> list[str]:
        return list(self._reader.target)
