"""Read the files of a table one after the other, as if they were one."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.columns.thousands_points import ThousandsPoints, TypedNumbers
from multilayer.errors import DataWarning
from multilayer.forked import require_polars_threads
from multilayer.reading.byte_stream import is_compressed
from multilayer.reading.columnar import (
    ColumnarFile,
    decode_columnar_files,
    read_columnar_files,
)
from multilayer.reading.file_heads import TableHead, common_head
from multilayer.reading.one_file import Reading, kind_of_file, read_file_pieces
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table_files import (
    TableFile,
    find_table_files,
    is_many_files,
    listed,
    one_table_file,
    unchanged,
)

if TYPE_CHECKING:
    import polars as pl


def read_many_pieces(
    path: str | Path, reading: Reading, places: RowPlaces
) -> Iterator["pl.DataFrame"]:
    """Read the files of a table in pieces, in order; at least one piece of each file.

    Args:
        path: for which `is_many_files`.
        reading: how they are read.
        places: learns which rows are of which file.

    Raises:
        TableError: a file cannot be read as a table, was changed meanwhile, or differs from the
            others as `common_head` says.
    """
    require_polars_threads(f"reading {path}")
    files = find_table_files(path)
    head = common_head(files, reading)
    reading = replace(
        reading, names=head.names,
        typed=TypedNumbers(str(path), reading.points or ThousandsPoints()),
    )  # fmt: skip
    alike = AlikeWarnings(files)
    last = -1
    with unchanged(files):
        for place, frame in alike.gathered(_pieces(files, head, reading)):
            if place != last:
                if last >= 0:
                    files[last].require_unchanged()
                last = place
                places.begin(files[place])
            places.add(len(frame))
            yield head.settled(frame, files[place])
    alike.report()
    warn_of_empty(places)


def open_table(path: str | Path, reading: Reading) -> tuple[tuple[TableFile, ...], TableHead]:
    """The files of a table, of one or of many files, and what they have in common.

    Raises:
        TableError: see `read_many_pieces`; or the table is the standard input.
    """
    if is_many_files(path):
        files = find_table_files(path)
        return files, common_head(files, reading)
    file = one_table_file(path)
    kind = kind_of_file(file.path, reading.table_format)
    return (file,), TableHead(kind, not is_compressed(file.path), ())


def read_ranges(
    files: Sequence[TableFile],
    head: TableHead,
    reading: Reading,
    wanted: Sequence[tuple[int, range]],
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """Read some rows of the files of a table.

    Args:
        files: of the table, from `open_table`.
        head: likewise.
        reading: how they are read.
        wanted: indices of files, ascending, and rows of each, from 0, ascending.

    Yields:
        The index of an element of `wanted`, and rows of it, in order. Where the pieces are cut
        follows from `wanted` and `reading` alone.

    Raises:
        TableError: a file cannot be read as a table, or was changed.
    """
    reading = replace(reading, names=head.names)
    used = [files[place] for place in dict.fromkeys(place for place, _ in wanted)]
    for file in used:
        file.require_unchanged()
    with unchanged(used):
        for number, frame in _range_pieces(files, head, reading, wanted):
            yield number, head.settled(frame, files[wanted[number][0]])


def _range_pieces(
    files: Sequence[TableFile],
    head: TableHead,
    reading: Reading,
    wanted: Sequence[tuple[int, range]],
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    if head.kind in ("Parquet", "Arrow") and head.is_plain:
        parts = [ColumnarFile(files[place].path, rows) for place, rows in wanted]
        read = decode_columnar_files if reading.decodes_here else read_columnar_files
        yield from read(parts, head.kind == "Parquet", reading.rows_at_once, reading.left_out)
        return
    for place in dict.fromkeys(place for place, _ in wanted):
        of_file = [(n, rows) for n, (other, rows) in enumerate(wanted) if other == place]
        yield from _in_ranges(read_file_pieces(files[place].path, reading), of_file)


def _in_ranges(
    pieces: "Iterator[pl.DataFrame]", wanted: Sequence[tuple[int, range]]
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """Of the pieces of a file the rows that are wanted; stops after the last of these."""
    start = 0
    for piece in pieces:
        first, start = start, start + len(piece)
        for number, rows in wanted:
            kept = piece[max(rows.start - first, 0) : max(rows.stop - first, 0)]
            if len(kept):
                yield number, kept
        if start >= wanted[-1][1].stop:
            return


def _pieces(
    files: Sequence[TableFile], head: TableHead, reading: Reading
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """The index of a file, and rows of it."""
    if head.kind in ("Parquet", "Arrow") and head.is_plain:
        parts = [ColumnarFile(file.path) for file in files]
        yield from read_columnar_files(
            parts, head.kind == "Parquet", reading.rows_at_once, reading.left_out
        )
        return
    for place, file in enumerate(files):
        for frame in read_file_pieces(file.path, reading):
            yield place, frame


class AlikeWarnings:
    """Warnings that differ in the file alone are issued once.

    Args:
        files: of the table.
    """

    def __init__(self, files: Sequence[TableFile]) -> None:
        self._files = files
        self._others: dict[str, tuple[str, list[str]]] = {}  # first message; files of the others

    def gathered(
        self, pieces: Iterator[tuple[int, "pl.DataFrame"]]
    ) -> Iterator[tuple[int, "pl.DataFrame"]]:
        """The same pieces; warnings that reading them gives are issued if they are new."""
        while True:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = next(pieces, None)
            for one in caught:
                self.issue(one.message, one.category)
            if found is None:
                return
            yield found

    def report(self) -> None:
        """Say which other files the warnings were about."""
        for text, files in self._others.values():
            if files:
                warnings.warn(f"{text}; so it is with {listed(files)}", DataWarning, stacklevel=3)

    def issue(self, message: Warning | str, category: type[Warning]) -> None:
        """Issue a warning, unless it was issued of another file."""
        text, about = str(message), ""
        for file in self._files:
            if (name := str(file.path)) in text and len(name) > len(about):
                about = name
        first, others = self._others.setdefault(text.replace(about, "\0"), (text, []))
        if first == text and not others:
            warnings.warn(message, category, stacklevel=4)
        elif about and about not in others:
            others.append(about)


def warn_of_empty(places: RowPlaces) -> None:
    """Warn of files that have no rows, if others have."""
    if places.num_rows and (empty := places.without_rows()):
        have = "has" if len(empty) == 1 else "have"
        warnings.warn(f"{listed(empty)} {have} no rows", DataWarning, stacklevel=3)
