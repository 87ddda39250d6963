"""One shard: encoded training rows, and after them held-out rows, in one file.

The arrays lie one after the other as they are in memory, little-endian: inputs, targets and weights
of the training rows, then those of the held-out rows. What follows says which shard it is.
"""

import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.encoded_map import RowFile
from multilayer.errors import TableError, reason_of
from multilayer.files import replace_atomically
from multilayer.ordinary_files import open_regular

SAMPLE = "sample.shard"
_SIGN = b"MLSHARD1"
_LARGEST_END_BYTES = 4096
_BYTES_AT_ONCE = 2**20


@dataclass(frozen=True)
class ShardEntry:
    """What a manifest says of a shard.

    Attributes:
        name: of its file.
        plan: fingerprint of the plan that it follows.
        num_rows: rows of the table that were read for it.
        num_learned: training rows.
        num_held_out: held-out rows.
        num_bytes: of the arrays.
        crc32: of the arrays.
    """

    name: str
    plan: str
    num_rows: int
    num_learned: int
    num_held_out: int
    num_bytes: int
    crc32: int

    def require_whole(self, folder: Path) -> None:
        """Check the file against its checksum.

        Raises:
            TableError: it is missing, cut short, or not what it was.
        """
        path, checksum, left = folder / self.name, 0, self.num_bytes
        try:
            with open_regular(path) as file:
                while left and (content := file.read(min(left, _BYTES_AT_ONCE))):
                    checksum, left = zlib.crc32(content, checksum), left - len(content)
        except OSError as error:
            raise TableError(f"cannot read the shard {path}: {reason_of(error)}") from error
        if left:
            raise TableError(f"the shard {path} is cut short: {left:,} bytes are missing")
        if checksum != self.crc32:
            raise TableError(f"the shard {path} was changed or damaged: its checksum is wrong")


def shard_name(number: int) -> str:
    """The name of a shard's file."""
    return f"{number:06}.shard"


def write_shard(
    folder: Path, number: int, plan: str, num_rows: int,
    parts: Sequence[Sequence[Sequence[NDArray[Any]]]],
) -> ShardEntry:  # fmt: skip
    """Write a shard, whole or not at all.

    Args:
        folder: of the shards.
        number: of the shard.
        plan: fingerprint of the plan.
        num_rows: rows of the table that were read.
        parts: of training rows and held-out rows, for each array its pieces.

    Raises:
        OutputError: it cannot be written.
    """
    return _written(folder / shard_name(number), plan, num_rows, parts)


def _written(
    path: Path, plan: str, num_rows: int, parts: Sequence[Sequence[Sequence[NDArray[Any]]]]
) -> ShardEntry:
    checksum = num_bytes = 0
    num_learned, num_held_out = (sum(map(len, part[0])) for part in parts)
    with replace_atomically(path) as file:
        for part in parts:
            for pieces in part:
                for array in pieces:
                    if not len(array):
                        continue
                    content = np.ascontiguousarray(_little_endian(array)).data.cast("B")
                    file.write(content)
                    checksum = zlib.crc32(content, checksum)
                    num_bytes += len(content)
        entry = ShardEntry(
            path.name, plan, num_rows, num_learned, num_held_out, num_bytes, checksum
        )
        end = json.dumps(asdict(entry)).encode()
        file.write(end + len(end).to_bytes(8, "little") + _SIGN)
    return entry


def write_sample(folder: Path, plan: str, inputs: NDArray[np.float32]) -> ShardEntry:
    """Write the inputs of the sample, (num_rows, num_inputs), whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    return _written(folder / SAMPLE, plan, len(inputs), [[[inputs]], [[inputs[:0]]]])


def read_entry(path: Path) -> ShardEntry | None:
    """What a shard's file says of itself; None if it is not whole."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 16))
            tail = file.read(16)
            length = int.from_bytes(tail[:8], "little")
            if tail[8:] != _SIGN or length > min(_LARGEST_END_BYTES, size - 16):
                return None
            file.seek(size - 16 - length)
            entry = ShardEntry(**json.loads(file.read(length)))
            return entry if entry.num_bytes == size - 16 - length else None
    except (OSError, ValueError, TypeError):
        return None


def row_files(
    path: Path, entry: ShardEntry, kinds: Sequence[tuple[str, tuple[int, ...]]]
) -> tuple[list[RowFile], list[RowFile]]:
    """Where the arrays of a shard lie: those of the training rows, and of the held-out rows.

    Args:
        path: of the shard.
        entry: of the manifest.
        kinds: dtype and shape of a row of each array.
    """
    parts: list[list[RowFile]] = []
    place = 0
    for num_rows in (entry.num_learned, entry.num_held_out):
        files = []
        for dtype, shape in kinds:
            files.append(RowFile(path, dtype, shape, place))
            place += files[-1].row_bytes * num_rows
        parts.append(files)
    learned, held_out = parts
    return learned, held_out


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("<"))
