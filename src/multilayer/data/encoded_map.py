"""A table of any size, encoded once into files that training reads as if they were memory."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.encoder import Encoder
from multilayer.data.schema import require_columns
from multilayer.data.target_values import is_present
from multilayer.data.targets import Targets
from multilayer.errors import OutputError, TableError
from multilayer.files import open_to_go_on, write_text

if TYPE_CHECKING:
    import polars as pl

_INPUTS, _TARGETS, _PROGRESS = "inputs.float32", "targets.bin", "map.json"
_FORMAT_VERSION = 1
_BLOCK_BYTES = 2**20  # read at once; long enough for a disk, short enough to mix many of them


@dataclass(frozen=True)
class _Progress:
    """How far the map is; what lies in the files beyond it does not count."""

    format_version: int
    fingerprint: str
    num_inputs: int
    target_type: str
    target_shape: list[int]
    num_rows_read: int = 0
    num_rows: int = 0
    is_complete: bool = False


def write_encoded_map(
    folder: str | Path,
    pieces: Iterable["pl.DataFrame"],
    encoder: Encoder,
    targets: Targets,
    made_of: str,
) -> Iterator[tuple[int, int]]:
    """Encode a table piece by piece into a folder; go on where an earlier attempt was stopped.

    Rows without a target are left out. Each piece is on the disk before the next is taken; after a
    kill the map goes on with the first row that was not. A map that is complete is left as it is.

    Args:
        folder: Made if it is not there.
        pieces: The whole table from its beginning, as `read_table_pieces` gives it; rows that an
            earlier attempt has encoded are skipped.
        encoder: For the inputs.
        targets: For the target columns, which are found by their names.
        made_of: What the table is, such as path, size and time; another table is not continued
            with, but begun anew, as it is with another encoder or other targets.

    Yields:
        After each piece, how many rows have been read, and how many are in the map.

    Raises:
        TableError: a piece lacks a column or holds a value that does not fit.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        progress = _continued(folder, _fresh(encoder, targets, made_of))
        if progress.is_complete:
            yield progress.num_rows_read, progress.num_rows
            return
        with (
            open_to_go_on(
                folder / _INPUTS, progress.num_rows * _input_bytes(progress)
            ) as inputs_file,
            open_to_go_on(
                folder / _TARGETS, progress.num_rows * _target_bytes(progress)
            ) as targets_file,
        ):
            for piece in _after(pieces, progress.num_rows_read):
                inputs, answers = _encoded(piece, encoder, targets, progress.num_rows_read + 1)
                for file, array in ((inputs_file, inputs), (targets_file, answers)):
                    file.write(np.ascontiguousarray(array).data)
                    file.flush()
                    os.fsync(file.fileno())
                progress = _Progress(
                    **{
                        **vars(progress),
                        "num_rows_read": progress.num_rows_read + len(piece),
                        "num_rows": progress.num_rows + len(inputs),
                    }
                )
                write_text(folder / _PROGRESS, json.dumps(vars(progress)))
                yield progress.num_rows_read, progress.num_rows
        progress = _Progress(**{**vars(progress), "is_complete": True})
        write_text(folder / _PROGRESS, json.dumps(vars(progress)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot write the encoded table in {folder}: {reason}") from error


@dataclass(frozen=True, eq=False)
class EncodedMap:
    """An encoded table on the disk.

    Attributes:
        inputs: (num_rows, num_inputs), float32, mapped into memory: what is not used is not read.
        targets: As `Targets.encode` makes them, mapped as well.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[Any]

    @classmethod
    def open(cls, folder: str | Path) -> "EncodedMap":
        """Open what `write_encoded_map` has made.

        Raises:
            TableError: there is no map, it is not complete, or its files are damaged.
        """
        folder = Path(folder)
        progress = _read_progress(folder)
        if progress is None or not progress.is_complete:
            raise TableError(f"{folder} holds no complete encoded table")
        if progress.num_rows == 0:
            raise TableError(f"the encoded table in {folder} has no rows with a target")
        shapes = {
            _INPUTS: (np.dtype(np.float32), (progress.num_rows, progress.num_inputs)),
            _TARGETS: (np.dtype(progress.target_type), (progress.num_rows, *progress.target_shape)),
        }
        maps = []
        for name, (dtype, shape) in shapes.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size < dtype.itemsize * int(np.prod(shape)):
                raise TableError(f"{path} is shorter than {_PROGRESS} says")
            # Writable, as PyTorch wants it, though nothing that is written reaches the file.
            maps.append(np.memmap(path, dtype=dtype, mode="c", shape=shape))
        return cls(*maps)

    def __len__(self) -> int:
        return len(self.inputs)

    def shuffled_chunks(
        self, memory_bytes: int, generator: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        """Every row once, in random order, a chunk at a time in memory.

        The files are read in blocks of about a megabyte. Each chunk is made of blocks from all over
        the table, and its rows are shuffled. Single rows gathered at random are as fast as from
        memory while the operating system keeps the whole file, and several times slower once it
        must read a page for each.

        Args:
            memory_bytes: A chunk takes at most about half of this, because the next one is made
                while the last is still there.
            generator: Of the order.

        Yields:
            Inputs and targets of the same rows.
        """
        row_bytes = self.inputs[:1].nbytes + self.targets[:1].nbytes
        block = max(1, min(_BLOCK_BYTES, memory_bytes // 16) // row_bytes)
        starts = generator.permutation(np.arange(0, len(self), block))
        at_once = max(1, memory_bytes // 2 // (block * row_bytes))
        for first in range(0, len(starts), at_once):
            blocks = [slice(start, start + block) for start in starts[first : first + at_once]]
            order = generator.permutation(
                sum(len(range(*part.indices(len(self)))) for part in blocks)
            )
            yield _gathered(self.inputs, blocks, order), _gathered(self.targets, blocks, order)


def _gathered(values: NDArray[Any], blocks: list[slice], order: NDArray[np.int64]) -> NDArray[Any]:
    """The rows of some blocks, in memory; row i goes to the place order[i]."""
    gathered = np.empty((len(order), *values.shape[1:]), dtype=values.dtype)
    done = 0
    for block in blocks:
        rows = values[block]
        gathered[order[done : done + len(rows)]] = rows
        done += len(rows)
    return gathered


def sample_rows(pieces: Iterable["pl.DataFrame"], num_rows: int, seed: int) -> "pl.DataFrame":
    """Draw rows evenly from a table of any size, to judge columns by and to fit an encoder on.

    Args:
        pieces: The table, as `read_table_pieces` gives it.
        num_rows: How many; all of them, in order, if the table has no more.
        seed: Not negative. The same table, number and seed give the same rows.

    Returns:
        The rows in the order of the table.

    Raises:
        TableError: there are no pieces.
    """
    import polars as pl

    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"sample")))
    kept: pl.DataFrame | None = None
    keys = np.empty(0)  # the rows with the smallest random numbers stay
    for piece in pieces:
        frame = piece if kept is None else pl.concat([kept, piece], how="diagonal_relaxed")
        keys = np.concatenate([keys, generator.random(len(piece))])
        if len(keys) > num_rows:
            stay = np.sort(np.argpartition(keys, num_rows)[:num_rows])
            frame, keys = frame[stay], keys[stay]
        kept = frame
    if kept is None:
        raise TableError("there is no table to draw rows from")
    return kept


def _encoded(
    piece: "pl.DataFrame", encoder: Encoder, targets: Targets, first_row: int
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    require_columns(targets.names, piece.columns, "the table")
    inputs = encoder.encode(piece, first_row=first_row)
    answers = piece.select(targets.names)
    present = is_present(answers)
    kept = answers.filter(present)
    return inputs[present], targets.encode(kept if len(targets.names) > 1 else kept.to_series())


def _after(pieces: Iterable["pl.DataFrame"], num_rows: int) -> Iterator["pl.DataFrame"]:
    """The pieces without the first rows, and without those that are empty."""
    for piece in pieces:
        skipped = min(num_rows, len(piece))
        num_rows -= skipped
        if skipped < len(piece):
            yield piece.slice(skipped)


def _fresh(encoder: Encoder, targets: Targets, made_of: str) -> _Progress:
    document = json.dumps([made_of, encoder.to_json(), targets.to_json()])
    is_classes = targets.is_classification
    return _Progress(
        format_version=_FORMAT_VERSION,
        fingerprint=hashlib.sha256(document.encode()).hexdigest(),
        num_inputs=encoder.num_inputs,
        target_type="int64" if is_classes else "float32",
        target_shape=[] if is_classes else [len(targets.names)],
    )


def _continued(folder: Path, fresh: _Progress) -> _Progress:
    found = _read_progress(folder)
    if found is None or found.fingerprint != fresh.fingerprint:
        return fresh
    is_there = all(
        path.is_file() and path.stat().st_size >= found.num_rows * row_bytes
        for path, row_bytes in (
            (folder / _INPUTS, _input_bytes(found)),
            (folder / _TARGETS, _target_bytes(found)),
        )
    )
    return found if is_there else fresh


def _read_progress(folder: Path) -> _Progress | None:
    try:
        progress = _Progress(**json.loads((folder / _PROGRESS).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return progress if progress.format_version == _FORMAT_VERSION else None


def _input_bytes(progress: _Progress) -> int:
    return 4 * progress.num_inputs


def _target_bytes(progress: _Progress) -> int:
    itemsize = np.dtype(progress.target_type).itemsize
    return itemsize * int(np.prod(progress.target_shape, dtype=np.int64))
