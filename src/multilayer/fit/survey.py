"""One pass over a table of any size: count rows and classes, and draw a sample."""

import math
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
from multilayer.encoding.row_draw import random_numbers
from multilayer.encoding.row_reader import RowReader
from multilayer.errors import TableError
from multilayer.fit.rare_rows import RareRows

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES = 50_000
_MOST_ROWS_OF_A_FILE = 2**40  # by which the places of rows in different files are kept apart


class RowSample:
    """A uniform random sample of the rows of a table.

    A row has a random number that follows from the seed and its place alone; those with the
    smallest stay. So parts of a table can be drawn from side by side.

    Args:
        num_rows: sample size; a table with fewer rows is kept whole, in order.
        seed: not negative. The same rows, size and seed give the same sample, however the table is
            cut into chunks and parts.

    Attributes:
        limit: rows whose random number is not smaller cannot be in the sample; may be set to that
            of the sample of other parts.
    """

    def __init__(self, num_rows: int, seed: int) -> None:
        self._num_rows, self._seed = num_rows, seed
        self._pieces: list[pl.DataFrame] = []
        self._keys: list[NDArray[np.float64]] = []
        self._numbers: list[NDArray[np.int64]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._num_taken = 0
        self.limit = np.inf

    def add(
        self, piece: "pl.DataFrame", numbers: NDArray[np.int64], rows: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Take a chunk, later in the table than those before.

        Args:
            piece: the rows.
            numbers: their indices, from 0, ascending.
            rows: their row numbers in the table.
            places: what no other row of the table has, from 0; decides who is drawn.
        """
        keys = random_numbers(places.astype(np.uint64), self._seed, b"sample")
        hopeful = np.flatnonzero(keys < self.limit)
        if len(hopeful) < len(piece):
            piece, keys = piece[hopeful], keys[hopeful]
            numbers, rows = numbers[hopeful], rows[hopeful]
        self._take(piece, keys, numbers, rows)

    def merge(self, other: "RowSample", numbers_before: int, rows_before: int) -> None:
        """Take the sample of a later part of the table, which counted rows from 0."""
        if other._pieces:
            self._take(
                other.frame, other._keys[0], other.numbers + numbers_before,
                other.rows + rows_before,
            )  # fmt: skip

    def _take(
        self, piece: "pl.DataFrame", keys: NDArray[np.float64], numbers: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> None:  # fmt: skip
        if len(piece) == 0 and self._pieces:
            return
        self._pieces.append(piece)
        self._keys.append(keys)
        self._numbers.append(numbers)
        self._rows.append(rows)
        self._num_taken += len(piece)
        if self._num_taken >= self._num_rows > 0:
            keys = np.partition(np.concatenate(self._keys), self._num_rows - 1)
            self.limit = min(self.limit, float(keys[self._num_rows - 1]))
        if self._num_taken > 2 * self._num_rows:  # not at each piece, which would copy too often
            self.cut()

    def cut(self) -> None:
        """Keep no more rows than the sample has."""
        import polars as pl

        if not self._pieces or (len(self._pieces) == 1 and self._num_taken <= self._num_rows):
            return
        frame = pl.concat(self._pieces, how="diagonal_relaxed")
        keys, numbers = np.concatenate(self._keys), np.concatenate(self._numbers)
        rows = np.concatenate(self._rows)
        if len(keys) > self._num_rows:
            stay = np.sort(np.argpartition(keys, self._num_rows)[: self._num_rows])
            frame, keys, numbers, rows = frame[stay], keys[stay], numbers[stay], rows[stay]
        self._pieces, self._keys, self._num_taken = [frame], [keys], len(keys)
        self._numbers, self._rows = [numbers], [rows]

    @property
    def frame(self) -> "pl.DataFrame":
        """The rows in the order of the table.

        Raises:
            TableError: there was nothing to draw from.
        """
        if not self._pieces:
            raise TableError("there is no table to draw rows from")
        self.cut()
        return self._pieces[0]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Indices of the sampled rows among those that were added, from 0, ascending."""
        self.cut()
        return self._numbers[0]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Their row numbers in the table, from 0."""
        self.cut()
        return self._rows[0]


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
        # A sum for each chunk, so that the whole does not depend on how parts were merged.
        self._weight_sums: list[float] = []
        self._weight_range = (np.inf, -np.inf)
        self.num_rows_read = self.num_rows = 0
        self.left_out, self.num_weight_zero = LeftOut(), 0

    def add(
        self, piece: "pl.DataFrame", file: int = 0, first_row: int | None = None
    ) -> NDArray[np.int64]:
        """Take a chunk of the table; the numbers of its rows that count, from 0.

        Args:
            piece: rows of the table.
            file: the index of their file.
            first_row: the number of the first one there, from 0; None: all rows are of one file.

        Raises:
            TableError: see `RowReader.read`.
        """
        first_row = self.num_rows_read if first_row is None else first_row
        if self._reader.weight_format is None:
            self._reader = self._reader.judging_weights(piece)
        rows = self._reader.read(piece, self.num_rows_read + 1)
        numbers = rows.numbers + self.num_rows_read
        counting = piece if len(rows.numbers) == len(piece) else piece[rows.numbers]
        self._sample.add(
            counting, np.arange(self.num_rows, self.num_rows + len(numbers)), numbers,
            rows.numbers + (file * _MOST_ROWS_OF_A_FILE + first_row),
        )  # fmt: skip
        if self._labels is not None:
            num_known = len(self._labels.first_rows)
            if self._labels.add(rows.targets, numbers, MOST_CLASSES):
                new = list(self._labels.first_rows.values())[num_known:]
                self._first_rows += (np.searchsorted(numbers, new) + self.num_rows).tolist()
                self._rare.add(rows.targets, self.num_rows, self._labels.counts)
            else:
                self._labels = None
        if rows.weights is not None and len(rows.weights):
            self._weight_sums.append(float(rows.weights.sum()))
            self._widen(float(rows.weights.min()), float(rows.weights.max()))
        self.num_rows_read += len(piece)
        self.num_rows += len(rows.numbers)
        self.left_out += rows.left_out
        self.num_weight_zero += rows.num_weight_zero
        return rows.numbers

    @property
    def state(self) -> tuple[float, bool]:
        """What the survey of a later part need not do; for `begin`."""
        return self._sample.limit, self._labels is not None

    def begin(self, state: tuple[float, bool]) -> None:
        """Begin with a later part of a table, after others have come to a `state`."""
        self._sample.limit, counts_labels = state
        self._labels = self._labels if counts_labels else None

    @property
    def judges_chunks_alone(self) -> bool:
        """Whether no chunk has told how the weights of later ones are written."""
        return self._reader.weight_format is None

    def settle(self) -> None:
        """Keep no more rows than the sample has; for one that is sent to another process."""
        self._sample.cut()

    def merge(self, other: "TableSurvey") -> None:
        """Take the survey of the next part of the table, as if its chunks had been added here.

        Both must judge chunks alone.
        """
        self._sample.merge(other._sample, self.num_rows, self.num_rows_read)
        if self._labels is not None:
            if other._labels is not None:
                new = self._labels.merge(other._labels, self.num_rows_read)
                places = dict(zip(other._labels.first_rows, other._first_rows, strict=True))
                self._first_rows += [places[label] + self.num_rows for label in new]
                self._rare.merge(other._rare, self.num_rows, self._labels.counts)
            if other._labels is None or len(self._labels.first_rows) > MOST_CLASSES:
                self._labels = None
        self._weight_sums += other._weight_sums
        self._widen(*other._weight_range)
        self.left_out += other.left_out.after(self.num_rows_read)
        self.num_rows_read += other.num_rows_read
        self.num_rows += other.num_rows
        self.num_weight_zero += other.num_weight_zero

    def _widen(self, low: float, high: float) -> None:
        least, most = self._weight_range
        self._weight_range = (min(least, low), max(most, high))

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
        return math.fsum(self._weight_sums) / self.num_rows if low < high else None

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
