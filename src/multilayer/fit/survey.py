"""One pass over a table of any size: count rows and classes, and draw a sample."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.labels import LabelCounts
from multilayer.columns.left_out import LeftOut
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.target_checks import plain
from multilayer.columns.value_format import ValueFormat
from multilayer.encoding.row_reader import RowReader
from multilayer.errors import TableError
from multilayer.fit.rare_rows import RareRows

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES = 50_000


class RowSample:
    """A uniform random sample of a stream of rows.

    Args:
        num_rows: sample size; a table with fewer rows is kept whole, in order.
        seed: not negative. The same rows, size and seed give the same sample, however the table is
            cut into chunks.

    Attributes:
        numbers: indices of the sampled rows in the stream, from 0, ascending.
        rows: their row numbers in the file, from 0.
    """

    def __init__(self, num_rows: int, seed: int) -> None:
        self._num_rows = num_rows
        self._generator = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=tuple(b"sample"))
        )
        self._frame: pl.DataFrame | None = None
        self._keys = np.empty(0)  # the rows with the smallest random numbers stay
        self.numbers: NDArray[np.int64] = np.empty(0, np.int64)
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._num_seen = 0

    def add(self, piece: "pl.DataFrame", rows: NDArray[np.int64] | None = None) -> None:
        """Take a chunk; `rows` are row numbers in the file, if it has other rows as well."""
        import polars as pl

        keys = self._generator.random(len(piece))
        numbers = np.arange(self._num_seen, self._num_seen + len(piece))
        rows = numbers if rows is None else rows
        self._num_seen += len(piece)
        if self._frame is None:
            self._frame = piece.clear()
        if len(self._keys) == self._num_rows:
            hopeful = np.flatnonzero(keys < self._keys.max())
            piece, keys, numbers = piece[hopeful], keys[hopeful], numbers[hopeful]
            rows = rows[hopeful]
        if len(piece) == 0:
            return
        frame = pl.concat([self._frame, piece], how="diagonal_relaxed")
        keys = np.concatenate([self._keys, keys])
        numbers = np.concatenate([self.numbers, numbers])
        rows = np.concatenate([self.rows, rows])
        if len(keys) > self._num_rows:
            stay = np.sort(np.argpartition(keys, self._num_rows)[: self._num_rows])
            frame, keys, numbers, rows = frame[stay], keys[stay], numbers[stay], rows[stay]
        self._frame, self._keys, self.numbers, self.rows = frame, keys, numbers, rows

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
    """Statistics of a table that are needed before its rows can be encoded one by one.

    Args:
        target: the target columns.
        weight: the column of sample weights.
        source: the table's name in error messages.
        sample_rows: how many rows to infer the schema from.
        seed: of the sample.
        is_strict: a row without target is an error.
        values: the value format that the user declared.

    Attributes:
        num_rows_read: rows read so far.
        left_out: the dropped ones among them, and why.
        num_rows: the rows that count: with a target, and a weight above 0.
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
        values: ValueFormat | None = None,
    ) -> None:
        names = tuple(target)
        self._reader = RowReader(
            names, (None,) * len(names), weight, source, is_strict, values or ValueFormat()
        )
        self._sample = RowSample(sample_rows, seed)
        self._labels = LabelCounts() if len(names) == 1 else None
        self._first_rows: list[int] = []  # of each label, among the rows that count
        self._rare = RareRows()
        self._weight_sum, self._weight_range = 0.0, (np.inf, -np.inf)
        self.num_rows_read = self.num_rows = 0
        self.left_out, self.num_weight_zero = LeftOut(), 0

    def add(self, piece: "pl.DataFrame") -> NDArray[np.int64]:
        """Take a chunk of the table; the numbers of its rows that count, from 0.

        Raises:
            TableError: see `RowReader.read`.
        """
        if self._reader.weight_format is None:
            self._reader = self._reader.judging_weights(piece)
        rows = self._reader.read(piece, self.num_rows_read + 1)
        numbers = rows.numbers + self.num_rows_read
        counting = piece if len(rows.numbers) == len(piece) else piece[rows.numbers]
        self._sample.add(counting, numbers)
        if self._labels is not None:
            num_known = len(self._labels.first_rows)
            self._labels.add(rows.targets, numbers)
            new = list(self._labels.first_rows.values())[num_known:]
            self._first_rows += (np.searchsorted(numbers, new) + self.num_rows).tolist()
            self._rare.add(rows.targets, self.num_rows, self._labels.counts)
            if len(new) + num_known > MOST_CLASSES:
                self._labels = None
        if rows.weights is not None and len(rows.weights):
            low, high = self._weight_range
            self._weight_sum += float(rows.weights.sum())
            self._weight_range = (min(low, rows.weights.min()), max(high, rows.weights.max()))
        self.num_rows_read += len(piece)
        self.num_rows += len(rows.numbers)
        self.left_out += rows.left_out
        self.num_weight_zero += rows.num_weight_zero
        return rows.numbers

    def sample_targets(
        self,
        number_types: tuple[str | None, ...] | None = None,
        number_formats: tuple[NumberFormat | None, ...] = (),
    ) -> NDArray[Any]:
        """The targets of the sample, parsed by `reader`, or in the formats of another table."""
        reader = self.reader() if number_types is None else self._reader
        if number_types is not None:
            reader = replace(reader, number_types=number_types).following(number_formats)
        return reader.read(self._sample.frame, 1).targets

    def sample_weights(self) -> NDArray[np.float64] | None:
        """The weights of the sample, if there are weights."""
        return self._reader.read(self._sample.frame, 1).weights

    @property
    def sample(self) -> "pl.DataFrame":
        """A sample of the rows that count; text unparsed."""
        return self._sample.frame

    @property
    def sample_rows(self) -> NDArray[np.int64]:
        """The numbers of the sample's rows in the file, from 0."""
        return self._sample.rows

    @property
    def sample_numbers(self) -> NDArray[np.int64]:
        """Indices of the sampled rows among those that count, from 0."""
        return self._sample.numbers

    @property
    def mean_weight(self) -> float | None:
        """Mean weight of the rows that count; None if all weights are equal."""
        low, high = self._weight_range
        return self._weight_sum / self.num_rows if low < high else None

    def reader(self) -> RowReader:
        """A reader of targets with the types inferred from the whole table."""
        reader = self._reader.judging(self._sample.frame)
        if self._labels is None:
            return reader
        # A label that is not a number may be missing from the sample.
        return reader.judging(self._as_column(self._labels), self._sample.frame)

    def labels(self) -> LabelCounts | None:
        """How often each label occurs; None for several targets, or more than 50,000 labels."""
        if self._labels is None:
            return None
        return self._labels.renamed(self.reader().targets(self._as_column(self._labels)))

    def first_rows(self) -> tuple[int, ...]:
        """The index of each label's first row among those that count; see `labels`."""
        return () if self._labels is None else tuple(sorted(self._first_rows))

    def rows_of_rare_classes(self) -> list[list[int]]:
        """The indices of the rows of each class that has few, among those that count."""
        if self._labels is None:
            return []
        names = map(plain, self.reader().targets(self._as_column(self._labels)).tolist())
        classes: dict[Any, list[Any]] = {}  # the labels of each, as they are spelled
        for label, name in zip(self._labels.counts, names, strict=True):
            classes.setdefault(name, []).append(label)
        found = [
            sorted(row for label in labels for row in self._rare.of(label))
            for labels in classes.values()
            if all(self._rare.of(label) for label in labels)
        ]
        return [rows for rows in found if len(rows) <= self._rare.most]

    def _as_column(self, labels: LabelCounts) -> "pl.DataFrame":
        import polars as pl

        return pl.DataFrame({self._reader.target[0]: list(labels.counts)}, strict=False)
