"""Encoded rows of a table of any size, in files that are read in blocks.

`write_encoded_map` writes the files. They are read into buffers and not memory-mapped, because
mapped pages count as memory of the process until the operating system releases them.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import TableError, reason_of
from multilayer.files import write_text

PROGRESS = "map.json"
_FORMAT_VERSION = 3
_BYTES_AT_ONCE = 2**20  # read at once for a checksum


@dataclass(frozen=True)
class RowFile:
    """A file of rows of equal size."""

    path: Path
    dtype: str
    row_shape: tuple[int, ...] = ()

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * int(np.prod(self.row_shape, dtype=np.int64))

    def empty(self, num_rows: int) -> NDArray[Any]:
        """An uninitialized array for some rows."""
        return np.empty((num_rows, *self.row_shape), dtype=self.dtype)

    def holds(self, num_rows: int) -> bool:
        """Whether the file exists and has at least so many rows."""
        return self.path.is_file() and self.path.stat().st_size >= num_rows * self.row_bytes

    def checksum(self, num_rows: int) -> int:
        """CRC-32 of the first rows.

        Raises:
            OSError: the file cannot be read.
        """
        checksum, left = 0, num_rows * self.row_bytes
        with self.path.open("rb", buffering=0) as file:
            while left and (content := file.read(min(left, _BYTES_AT_ONCE))):
                checksum, left = zlib.crc32(content, checksum), left - len(content)
        return checksum

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
                    file.seek(numbers.start * self.row_bytes)
                    while rest:
                        num_bytes = file.readinto(rest)
                        if not num_bytes:
                            raise TableError(f"{self.path} is shorter than {PROGRESS} says")
                        rest = rest[num_bytes:]
        except OSError as error:
            raise TableError(f"cannot read {self.path}: {reason_of(error)}") from error


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
    inputs: RowFile
    targets: RowFile
    weights: RowFile | None
    fingerprint: str

    @property
    def files(self) -> tuple[RowFile, RowFile, RowFile | None]:
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
class MapProgress:
    """How much of a table is encoded; anything beyond that in the files is ignored.

    Attributes:
        fingerprint: of the table, the encoder, the targets and the split.
        num_inputs: of a row.
        target_type: dtype of a row's targets.
        target_shape: shape of a row's targets.
        has_weights: whether there are sample weights.
        num_rows_read: rows of the table read so far, including those left out.
        num_learned: training rows so far.
        num_held_out: validation rows so far.
        is_complete: whether the whole table is encoded.
        checksums: CRC-32 of the valid part of each file, by file name.
        format_version: of these files.
    """

    fingerprint: str
    num_inputs: int
    target_type: str
    target_shape: list[int]
    has_weights: bool
    num_rows_read: int = 0
    num_learned: int = 0
    num_held_out: int = 0
    is_complete: bool = False
    checksums: dict[str, int] = field(default_factory=dict)
    format_version: int = _FORMAT_VERSION

    @classmethod
    def read(cls, folder: Path) -> "MapProgress | None":
        """Read it from a folder; None if there is none, or it is invalid."""
        try:
            progress = cls(**json.loads((folder / PROGRESS).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return progress if progress.format_version == _FORMAT_VERSION else None

    def advanced(
        self, num_rows_read: int, num_learned: int, num_held_out: int, checksums: dict[str, int]
    ) -> "MapProgress":
        """The progress after so many further rows."""
        return replace(
            self,
            num_rows_read=self.num_rows_read + num_rows_read,
            num_learned=self.num_learned + num_learned,
            num_held_out=self.num_held_out + num_held_out,
            checksums=checksums,
        )

    def write(self, folder: Path) -> None:
        """Write it to a folder, atomically."""
        write_text(folder / PROGRESS, json.dumps(asdict(self)))

    def parts(self, folder: Path) -> tuple[EncodedRows, EncodedRows]:
        """The training rows and the validation rows."""
        learned, held_out = (
            EncodedRows(
                num_rows,
                RowFile(folder / f"{name}_inputs.bin", "float32", (self.num_inputs,)),
                RowFile(folder / f"{name}_targets.bin", self.target_type, (*self.target_shape,)),
                RowFile(folder / f"{name}_weights.bin", "float32") if self.has_weights else None,
                f"{name} {self.fingerprint}",
            )
            for name, num_rows in (("learned", self.num_learned), ("held_out", self.num_held_out))
        )
        return learned, held_out

    def damaged_file(self, folder: Path) -> Path | None:
        """The first file whose size or checksum is wrong, or None; all files are read.

        Raises:
            OSError: one cannot be read.
        """
        for part in self.parts(folder):
            for file in part.files:
                if file is None:
                    continue
                written = self.checksums.get(file.path.name, 0)
                if not file.holds(part.num_rows) or file.checksum(part.num_rows) != written:
                    return file.path
        return None


@dataclass(frozen=True)
class EncodedMap:
    """A table that `write_encoded_map` has encoded.

    Attributes:
        learned: the training rows.
        held_out: the validation rows; there may be none.
    """

    learned: EncodedRows
    held_out: EncodedRows

    @classmethod
    def open(cls, folder: str | Path) -> "EncodedMap":
        """Open a folder written by `write_encoded_map`.

        Raises:
            TableError: there is none, it is not complete, or its files are damaged.
        """
        folder = Path(folder)
        progress = MapProgress.read(folder)
        if progress is None or not progress.is_complete:
            raise TableError(f"{folder} holds no complete encoded table")
        for part in progress.parts(folder):
            for file in part.files:
                if file is not None and not file.holds(part.num_rows):
                    raise TableError(f"{file.path} is shorter than {PROGRESS} says")
        if progress.num_learned == 0:
            raise TableError(f"the encoded table in {folder} has no training rows")
        return cls(*progress.parts(folder))
