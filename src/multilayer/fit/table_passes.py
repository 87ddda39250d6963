"""Read a table that is larger than memory from its beginning to its end, and survey its rows."""

import os
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from multilayer.columns.schema import require_columns
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.errors import DataWarning, TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.memory_plan import MemoryPlan
from multilayer.fit.survey import TableSurvey
from multilayer.fit.survey_parts import PartsError, survey_parts
from multilayer.reading.file_heads import TableHead
from multilayer.reading.many_files import open_table
from multilayer.reading.one_file import Reading
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table import read_table_pieces
from multilayer.reading.table_files import TableFile, is_many_files
from multilayer.shards.shard_plan import ShardCuts

if TYPE_CHECKING:
    import polars as pl

_ROWS_TO_MEASURE = 1000
_LARGEST_BLOCK_ROWS = 4096
_BLOCKS_IN_A_SHARD = 16  # at least, where rows are of the usual size
_VALUE_BYTES, _TEXT_BYTES = 8, 16  # at least, for a value; and overhead of a text


@dataclass(frozen=True)
class Preparation:
    """Progress of the preparation.

    Attributes:
        part: "reading", to infer the schema, or "encoding".
        num_done: rows done.
        num_all: rows of the table; None: not known yet.
    """

    part: str
    num_done: int
    num_all: int | None


class TableSizes(NamedTuple):
    """How much of a table is taken at once, from the bytes of its first rows.

    Attributes:
        rows_at_once: rows of a piece.
        sample_rows: the largest sample.
        block_rows: rows that no shard divides.
    """

    rows_at_once: int
    sample_rows: int
    block_rows: int


_Surveyed = tuple[TableSurvey, ShardCuts, RowPlaces]


class TablePasses:
    """Reads tables of one kind: the rows to learn from, and those of a validation file.

    Args:
        roles: what their columns are for.
        memory: sizes follow from it.
        seed: of the sample.
        is_strict: a row without target is an error.

    Attributes:
        unread: columns left out because they hold lists or objects, of what was read so far.
    """

    def __init__(
        self, roles: ColumnRoles, memory: MemoryPlan, *, seed: int, is_strict: bool
    ) -> None:
        self._roles, self._memory, self._seed, self._is_strict = roles, memory, seed, is_strict
        self._points = ThousandsPoints.told(roles.values)
        self.unread: list[str] = []

    def sizes(self, path: str | Path) -> TableSizes:
        """The sizes for a table.

        Raises:
            TableError: it cannot be read, lacks a column, or has no rows.
        """
        import polars as pl

        for piece in self.pieces(path, _ROWS_TO_MEASURE):
            if len(piece):
                require_columns(self._roles.columns, piece.columns, str(path))
                num_text = sum(dtype == pl.String for dtype in piece.dtypes)
                fewest = _VALUE_BYTES * piece.width + _TEXT_BYTES * num_text
                row_bytes = max(piece.estimated_size() / len(piece), fewest)
                block = self._memory.shard_bytes / _BLOCKS_IN_A_SHARD / row_bytes
                return TableSizes(
                    self._memory.rows_at_once(row_bytes),
                    self._memory.sample_rows(row_bytes, piece.width),
                    max(1, min(_LARGEST_BLOCK_ROWS, int(block))),
                )
        raise TableError(f"{path} has no rows")

    def pieces(
        self, path: str | Path, rows_at_once: int, places: RowPlaces | None = None
    ) -> Iterator["pl.DataFrame"]:
        """A table in pieces."""
        return read_table_pieces(
            path,
            table_format=self._roles.table_format,
            left_out=self.unread,
            rows_at_once=rows_at_once,
            text_bytes=self._memory.text_bytes,
            points=self._points,
            places=places,
        )

    def survey(self, path: str | Path, sample_rows: int) -> TableSurvey:
        """A survey of a table, of which nothing is read yet."""
        return TableSurvey(
            self._roles.target, self._roles.weight, str(path), sample_rows, self._seed,
            is_strict=self._is_strict, values=self._roles.values,
        )  # fmt: skip

    def opened(
        self, path: str | Path, points: ThousandsPoints
    ) -> tuple[tuple[TableFile, ...], TableHead]:
        """The files of a table; see `open_table`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # reading the table gave them
            return open_table(path, Reading(self._roles.table_format, 1000, points=points))

    def surveyed(
        self, path: str | Path, sizes: TableSizes, num_processes: int
    ) -> Generator[Preparation, None, _Surveyed]:
        """Survey a table, in parts side by side where they can be judged each by itself.

        Args:
            path: of the table.
            sizes: of it.
            num_processes: 1: this process alone.

        Yields:
            The progress.

        Returns:
            The survey, where shards may be cut, and which rows are of which file.

        Raises:
            DataError: a file cannot be read or used.
        """
        try:
            return (yield from self._in_parts(path, sizes, num_processes))
        except PartsError:
            return (yield from self._in_order(path, sizes))

    def _in_parts(
        self, path: str | Path, sizes: TableSizes, num_processes: int
    ) -> Generator[Preparation, None, _Surveyed]:
        if os.name == "nt":  # `FreshProcess` passes descriptors on
            raise PartsError
        survey, cuts = self.survey(path, sizes.sample_rows), ShardCuts(sizes.block_rows)
        places, unread = RowPlaces(), list[str]()
        files, head = self.opened(path, self._points)
        reading = Reading(
            self._roles.table_format, sizes.rows_at_once, text_bytes=self._memory.text_bytes,
            points=self._points,
        )  # fmt: skip
        for num_rows in survey_parts(
            files, head, reading, survey, cuts, places, num_processes, unread
        ):
            yield Preparation("reading", num_rows, None)
        self.unread += unread
        return survey, cuts, places if is_many_files(path) else RowPlaces()

    def _in_order(
        self, path: str | Path, sizes: TableSizes
    ) -> Generator[Preparation, None, _Surveyed]:
        survey, cuts = self.survey(path, sizes.sample_rows), ShardCuts(sizes.block_rows)
        places = RowPlaces()
        for piece in self.pieces(path, sizes.rows_at_once, places):
            is_one = not places.files
            file = 0 if is_one else len(places.files) - 1
            of_file = survey.num_rows_read + len(piece) if is_one else places.rows_of_last_file
            with places.naming_files():
                counting = survey.add(piece, file, of_file - len(piece))
            cuts.add(file, of_file - len(piece), len(piece), counting)
            yield Preparation("reading", survey.num_rows_read, None)
        return survey, cuts, places
