"""How the rows of a table are encoded, split, and cut into shards."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.number_format import NumberFormat
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.columns.value_format import ValueFormat
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.row_reader import RowReader, masked
from multilayer.encoding.targets import Targets
from multilayer.errors import TableError
from multilayer.reading.file_heads import TableHead
from multilayer.reading.one_file import Reading
from multilayer.reading.table_files import TableFile
from multilayer.reading.table_format import TableFormat

if TYPE_CHECKING:
    import polars as pl

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class ShardRows:
    """The rows of a table that go into one shard.

    Attributes:
        file: the index of their file.
        first_row: of the file, from 0.
        num_rows: in the file, including those that do not count.
        first_counting: how many rows with a target are before them in the whole table.
    """

    file: int
    first_row: int
    num_rows: int
    first_counting: int

    @property
    def rows(self) -> range:
        """Their numbers in the file, from 0."""
        return range(self.first_row, self.first_row + self.num_rows)


@dataclass(frozen=True)
class ShardPlan:
    """How the rows of a table become shards; the same plan gives the same bytes.

    Args:
        files: of the table.
        digests: the SHA-256 of each file.
        head: what the files have in common.
        shards: which rows go into each shard, in the order of the table.
        reader: reads targets and weights, and drops rows without them.
        encoder: encodes the features.
        targets: encodes the targets.
        draw: which rows are held out; None: none.
        mean_weight: the weights are divided by it; None: no weights.
        table_format: how the files are written.
        points: columns in whose text a point may stand between thousands.
        rows_at_once: rows of a piece of a Parquet or Arrow file.
        text_bytes: bytes of text of a piece of a CSV or JSON file.
    """

    files: tuple[TableFile, ...]
    digests: tuple[str, ...]
    head: TableHead
    shards: tuple[ShardRows, ...]
    reader: RowReader
    encoder: Encoder
    targets: Targets
    draw: RowDraw | None
    mean_weight: float | None
    table_format: TableFormat
    points: ThousandsPoints
    rows_at_once: int
    text_bytes: int

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that the bytes of the shards follow from; not of where the files are."""
        document = self.to_json()
        document["files"] = [[file.name, file.values] for file in self.files]
        del document["reader"]["source"]
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()

    @property
    def target_type(self) -> tuple[str, tuple[int, ...]]:
        """The dtype and shape of a row's encoded targets."""
        if self.targets.is_classification:
            return "int64", ()
        return "float32", (len(self.targets.names),)

    @property
    def row_bytes(self) -> int:
        """Size of an encoded row."""
        dtype, shape = self.target_type
        target_bytes = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))
        return 4 * self.encoder.row_width + target_bytes + 4 * (self.mean_weight is not None)

    @property
    def reading(self) -> Reading:
        """How the files are read."""
        return Reading(
            self.table_format, self.rows_at_once, None, self.text_bytes, points=self.points
        )

    def encoded(
        self, piece: "pl.DataFrame", file: TableFile, first_row: int, first_counting: int
    ) -> tuple[Arrays, Arrays]:
        """Inputs, targets and weights of the training rows, and of the held-out rows.

        Args:
            piece: rows of a file.
            file: that they are of.
            first_row: the number of the first one in the file, from 0.
            first_counting: how many rows with a target are before them in the whole table.

        Raises:
            TableError: a column is missing or a value does not fit; the error names file and row.
        """
        try:
            return self._encoded(piece, str(file.path), first_row, first_counting)
        except TableError as error:
            if str(file.path) in str(error):
                raise
            raise TableError(f"{error} ({file.path})") from error

    def _encoded(
        self, piece: "pl.DataFrame", source: str, first_row: int, first_counting: int
    ) -> tuple[Arrays, Arrays]:
        rows = replace(self.reader, source=source).read(piece, first_row + 1)
        counts = np.zeros(len(piece), dtype=np.bool_)
        counts[rows.numbers] = True
        # All rows are encoded, so that an error names the row number in the file.
        every = self.encoder.encode(masked(piece, counts), source, first_row + 1)
        arrays = [
            every if counts.all() else every[rows.numbers],
            self.targets.encode(rows.targets, rows.numbers + first_row),
        ]
        if self.mean_weight is not None:
            assert rows.weights is not None
            arrays.append((rows.weights / self.mean_weight).astype(np.float32))
        if self.draw is None:
            return arrays, [array[:0] for array in arrays]
        kept = piece if counts.all() else piece[rows.numbers]
        numbers = np.arange(first_counting, first_counting + len(kept))
        is_held_out = self.draw.is_held_out(kept, numbers)
        return [a[~is_held_out] for a in arrays], [a[is_held_out] for a in arrays]

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON document, for `from_json`; no bit is lost."""
        reader = {
            **asdict(self.reader),
            "values": self.reader.values.to_json(),
            "number_formats": list(map(_format_json, self.reader.number_formats)),
            "weight_format": _format_json(self.reader.weight_format),
        }
        return {
            "files": [[str(f.path), f.name, f.values, f.traits] for f in self.files],
            "digests": list(self.digests),
            "head": asdict(self.head),
            "shards": [list(asdict(rows).values()) for rows in self.shards],
            "reader": reader,
            "encoder": self.encoder.to_json(),
            "targets": self.targets.to_json(),
            "draw": None if self.draw is None else self.draw.to_json(),
            "mean_weight": self.mean_weight,
            "table_format": asdict(self.table_format),
            "points": [sorted(self.points.names), self.points.everywhere],
            "rows_at_once": self.rows_at_once,
            "text_bytes": self.text_bytes,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError, TableError: it is not such a document.
        """
        reader, draw, names = document["reader"], document["draw"], document["points"][0]
        return cls(
            files=tuple(
                TableFile(Path(path), name, _pairs(values), tuple(traits))
                for path, name, values, traits in document["files"]
            ),
            digests=tuple(document["digests"]),
            head=TableHead(
                **{
                    **document["head"],
                    "names": tuple(document["head"]["names"]),
                    "number_types": _pairs(document["head"]["number_types"]),
                }
            ),
            shards=tuple(ShardRows(*numbers) for numbers in document["shards"]),
            reader=RowReader(
                **{
                    **reader,
                    **{name: tuple(reader[name]) for name in ("target", "number_types", "doubts")},
                    "values": ValueFormat.from_json(reader["values"]),
                    "number_formats": tuple(map(_format_of, reader["number_formats"])),
                    "weight_format": _format_of(reader["weight_format"]),
                }
            ),
            encoder=Encoder.from_json(document["encoder"]),
            targets=Targets.from_json(document["targets"]),
            draw=None if draw is None else RowDraw.from_json(draw),
            mean_weight=document["mean_weight"],
            table_format=TableFormat(**document["table_format"]),
            points=ThousandsPoints(frozenset(names), document["points"][1]),
            rows_at_once=document["rows_at_once"],
            text_bytes=document["text_bytes"],
        )


class ShardCuts:
    """Counts the rows of a table in blocks, from which shards are made later.

    Args:
        block_rows: rows of a file that are never divided.
    """

    def __init__(self, block_rows: int) -> None:
        self._block_rows = block_rows
        self._rows: list[list[int]] = []  # of each block of each file
        self._counting: list[list[int]] = []

    def add(self, file: int, first_row: int, num_rows: int, counting: NDArray[np.int64]) -> None:
        """Count rows of a file.

        Args:
            file: its index.
            first_row: the number of the first of the rows in the file, from 0.
            num_rows: of the file.
            counting: the numbers of those that have a target, from 0.
        """
        while len(self._rows) <= file:
            self._rows.append([])
            self._counting.append([])
        if not num_rows:
            return
        blocks = np.arange(first_row, first_row + num_rows) // self._block_rows
        for counts, places in ((self._rows, blocks), (self._counting, blocks[counting])):
            of_file = counts[file]
            of_file += [0] * (int(blocks[-1]) + 1 - len(of_file))
            for block, count in enumerate(np.bincount(places - blocks[0]).tolist(), int(blocks[0])):
                of_file[block] += count

    def merge(self, other: "ShardCuts") -> None:
        """Count the rows that another one has counted, of the same blocks."""
        for ours, theirs in ((self._rows, other._rows), (self._counting, other._counting)):
            ours += [[] for _ in range(len(theirs) - len(ours))]
            for of_file, counts in zip(ours, theirs, strict=False):
                of_file += [0] * (len(counts) - len(of_file))
                for block, count in enumerate(counts):
                    of_file[block] += count

    def shards(self, rows_of_a_shard: int) -> tuple[ShardRows, ...]:
        """Shards of so many rows at most, but of one block at least; none spans two files."""
        num_blocks = max(1, rows_of_a_shard // self._block_rows)
        found, before = [], 0
        for file, (rows, counting) in enumerate(zip(self._rows, self._counting, strict=True)):
            for first in range(0, len(rows), num_blocks):
                blocks = slice(first, first + num_blocks)
                found.append(ShardRows(file, first * self._block_rows, sum(rows[blocks]), before))
                before += sum(counting[blocks])
        return tuple(found)


def _pairs(values: Sequence[Sequence[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((key, value) for key, value in values)


def _format_json(written: NumberFormat | None) -> dict[str, Any] | None:
    return None if written is None else written.to_json()


def _format_of(document: dict[str, Any] | None) -> NumberFormat | None:
    return None if document is None else NumberFormat.from_json(document)
