"""Encoded rows of a table of any size, in files that are read in blocks.

They are read into buffers and not memory-mapped, because mapped pages count as memory of the
process until the operating system releases them.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import TableError, reason_of


@dataclass(frozen=True)
class RowFile:
    """Rows of equal size, one after the other in a file.

    Attributes:
        path: of the file.
        dtype: of the values.
        row_shape: of a row.
        first_byte: where the first row begins.
    """

    path: Path
    dtype: str
    row_shape: tuple[int, ...] = ()
    first_byte: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * int(np.prod(self.row_shape, dtype=np.int64))

    def empty(self, num_rows: int) -> NDArray[Any]:
        """An uninitialized array for some rows."""
        return np.empty((num_rows, *self.row_shape), dtype=self.dtype)

    def read(self, ranges: Sequence[range], rows: NDArray[Any]) -> None:
        """Read blocks of rows into `rows`, in order.

        Raises:
            TableError: the file cannot be read or is too short.
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                done = 0
                for numbers in ranges:
                    rest = rows[done : done + len(numbers)].data.cast("B")
                    done += len(numbers)
                    file.seek(self.first_byte + numbers.start * self.row_bytes)
                    while rest:
                        num_bytes = file.readinto(rest)
                        if not num_bytes:
                            raise TableError(f"{self.path} is shorter than it was")
                        rest = rest[num_bytes:]
        except OSError as error:
            raise TableError(f"cannot read {self.path}: {reason_of(error)}") from error


@dataclass(frozen=True)
class RowFiles:
    """Rows of equal size that lie in several files, numbered through all of them.

    Attributes:
        files: in order; at least one.
        counts: the number of rows in each.
    """

    files: tuple[RowFile, ...]
    counts: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """Of the values."""
        return self.files[0].dtype

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Of a row."""
        return self.files[0].row_shape

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.files[0].row_bytes

    def empty(self, num_rows: int) -> NDArray[Any]:
        """An uninitialized array for some rows."""
        return self.files[0].empty(num_rows)

    @cached_property
    def _ends(self) -> list[int]:
        """For each file the number of rows in it and those before."""
        return list(accumulate(self.counts))

    def read(self, ranges: Sequence[range], rows: NDArray[Any]) -> None:
        """Read blocks of rows into `rows`, in order.

        Raises:
            TableError: a file cannot be read or is too short.
        """
        wanted: list[tuple[int, list[range]]] = []  # of consecutive blocks in one file
        for numbers in ranges:
            start = numbers.start
            while start < numbers.stop:
                place = bisect_right(self._ends, start)
                first = self._ends[place] - self.counts[place]
                stop = min(numbers.stop, self._ends[place])
                if not wanted or wanted[-1][0] != place:
                    wanted.append((place, []))
                wanted[-1][1].append(range(start - first, stop - first))
                start = stop
        done = 0
        for place, of_file in wanted:
            num_rows = sum(map(len, of_file))
            self.files[place].read(of_file, rows[done : done + num_rows])
            done += num_rows


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows on disk.

    Attributes:
        num_rows: their number.
        inputs: float32, (num_inputs,) a row.
        targets: from `Targets.encode`.
        weights: sample weights, float32; None: all 1.
        fingerprint: of the data and the encoding.
    """

    num_rows: int
    inputs: RowFile | RowFiles
    targets: RowFile | RowFiles
    weights: RowFile | RowFiles | None
    fingerprint: str

    @property
    def files(self) -> "tuple[RowFile | RowFiles, RowFile | RowFiles, RowFile | RowFiles | None]":
        """Inputs, targets and weights."""
        return self.inputs, self.targets, self.weights

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in all files together."""
        return sum(file.row_bytes for file in self.files if file is not None)

    def read(self) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float32] | None]:
        """Read all rows into memory: inputs, targets, weights.

        Raises:
            TableError: a file cannot be read.
        """
        inputs, targets, weights = (
            None if file is None else file.empty(self.num_rows) for file in self.files
        )
        for file, rows in zip(self.files, (inputs, targets, weights), strict=True):
            if file is not None and rows is not None:
                file.read([range(self.num_rows)], rows)
        assert inputs is not None
        assert targets is not None
        return inputs, targets, weights


@dataclass(frozen=True)
class EncodedMap:
    """A table of which all rows are encoded.

    Attributes:
        learned: the training rows.
        held_out: the validation rows; there may be none.
    """

    learned: EncodedRows
    held_out: EncodedRows
