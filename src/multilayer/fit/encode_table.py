"""Encode a table of any size to disk, chunk by chunk; after a kill only one chunk is redone."""

import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.encoded_map import MapProgress
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.targets import Targets
from multilayer.errors import DataWarning, OutputError, reason_of
from multilayer.fit.row_reader import RowReader, masked
from multilayer.growing_files import open_to_go_on

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class MapPlan:
    """How rows are encoded and split.

    Args:
        reader: reads targets and weights, and drops rows without them.
        encoder: encodes the features.
        targets: encodes the targets.
        draw: which rows are held out; None: none.
        mean_weight: the weights are divided by it; None: no weights.
        made_of: the SHA-256 of the table's file.
    """

    reader: RowReader
    encoder: Encoder
    targets: Targets
    draw: RowDraw | None
    mean_weight: float | None
    made_of: str

    def beginning(self) -> MapProgress:
        """The progress of a map with no rows yet."""
        document = json.dumps(
            [
                self.made_of,
                {name: part for name, part in asdict(self.reader).items() if name != "source"},
                self.encoder.to_json(),
                self.targets.to_json(),
                None if self.draw is None else asdict(self.draw),
                self.mean_weight,
            ]
        )
        is_classes = self.targets.is_classification
        return MapProgress(
            fingerprint=hashlib.sha256(document.encode()).hexdigest(),
            num_inputs=self.encoder.row_width,
            target_type="int64" if is_classes else "float32",
            target_shape=[] if is_classes else [len(self.targets.names)],
            has_weights=self.mean_weight is not None,
        )

    def encoded(
        self, piece: "pl.DataFrame", progress: MapProgress
    ) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Inputs, targets and weights of the training rows, and of the held-out rows."""
        first_row = progress.num_rows_read + 1
        rows = self.reader.read(piece, first_row)
        numbers = rows.numbers + progress.num_rows_read
        counts = np.zeros(len(piece), dtype=np.bool_)
        counts[rows.numbers] = True
        # All rows are encoded, so that an error names the row number in the file.
        every = self.encoder.encode(masked(piece, counts), self.reader.source, first_row)
        inputs = every if counts.all() else every[rows.numbers]
        arrays = [inputs, self.targets.encode(rows.targets, numbers)]
        if self.mean_weight is not None:
            assert rows.weights is not None
            arrays.append((rows.weights / self.mean_weight).astype(np.float32))
        is_held_out = np.zeros(len(inputs), dtype=np.bool_)
        if self.draw is not None:
            kept = piece if counts.all() else piece[rows.numbers]
            first = progress.num_learned + progress.num_held_out
            is_held_out = self.draw.is_held_out(kept, np.arange(first, first + len(kept)))
        return [a[~is_held_out] for a in arrays], [a[is_held_out] for a in arrays]


def write_encoded_map(
    folder: str | Path, pieces: Iterable["pl.DataFrame"], plan: MapPlan
) -> Iterator[MapProgress]:
    """Encode a table chunk by chunk into a folder; resume if an earlier attempt was stopped.

    Rows without a target are dropped. Each chunk is flushed to disk before the next is read; after
    a kill encoding resumes with the first row that was not. A complete map is left alone; that of
    another table or plan is written anew, and so is a damaged one, with a `DataWarning`.

    Args:
        folder: created if missing.
        pieces: the whole table, from `read_table_pieces`; rows encoded earlier are skipped.
        plan: how rows are encoded and split.

    Yields:
        The progress after each chunk; at least once.

    Raises:
        TableError: a column is missing or a value does not fit.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        progress = _continued(folder, plan.beginning())
        if not progress.is_complete:
            with ExitStack() as stack:
                files = [
                    {
                        file.path.name: stack.enter_context(
                            open_to_go_on(file.path, part.num_rows * file.row_bytes)
                        )
                        for file in part.files
                        if file is not None
                    }
                    for part in progress.parts(folder)
                ]
                for piece in _after(pieces, progress.num_rows_read):
                    parts = plan.encoded(piece, progress)
                    checksums = dict(progress.checksums)
                    for files_of_part, arrays in zip(files, parts, strict=True):
                        _append(files_of_part, arrays, checksums)
                    num_learned, num_held_out = (len(arrays[0]) for arrays in parts)
                    progress = progress.advanced(len(piece), num_learned, num_held_out, checksums)
                    progress.write(folder)
                    yield progress
            progress = replace(progress, is_complete=True)
            progress.write(folder)
        yield progress
    except OSError as error:
        raise OutputError(
            f"cannot write the encoded table in {folder}: {reason_of(error)}"
        ) from error


def _append(
    files: dict[str, IO[bytes]], arrays: list[NDArray[Any]], checksums: dict[str, int]
) -> None:
    for (name, file), array in zip(files.items(), arrays, strict=True):
        if len(array):
            content = np.ascontiguousarray(array).data.cast("B")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            checksums[name] = zlib.crc32(content, checksums.get(name, 0))


def _after(pieces: Iterable["pl.DataFrame"], num_rows: int) -> Iterator["pl.DataFrame"]:
    """The chunks without the first `num_rows` rows, and without empty chunks."""
    for piece in pieces:
        skipped = min(num_rows, len(piece))
        num_rows -= skipped
        if skipped < len(piece):
            yield piece.slice(skipped)


def _continued(folder: Path, beginning: MapProgress) -> MapProgress:
    found = MapProgress.read(folder)
    if found is None or found.fingerprint != beginning.fingerprint:
        return beginning
    damaged = found.damaged_file(folder)
    if damaged is None:
        return found
    warnings.warn(
        f"{damaged} is damaged (its checksum is wrong); all rows are encoded again",
        DataWarning,
        stacklevel=4,
    )
    return beginning
