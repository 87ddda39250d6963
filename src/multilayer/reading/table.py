"""Read a table from a file of any supported format, or from many files."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.columns.text_numbers import with_numbers_found
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.errors import SettingsError, TableError
from multilayer.forked import lacks_polars_threads
from multilayer.fresh_process import fresh_process
from multilayer.reading.byte_stream import (
    STANDARD_INPUT,
    largest_whole_bytes,
    memory_bytes,
    source_name,
)
from multilayer.reading.columnar_process import BYTES_A_VALUE
from multilayer.reading.many_files import read_many_pieces
from multilayer.reading.one_file import Reading, read_file_pieces
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table_files import is_many_files
from multilayer.reading.table_format import TableFormat

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 100_000


def read_table(
    path: str | Path,
    *,
    delimiter: str | None = None,
    as_text: bool = False,
    table_format: TableFormat | None = None,
    left_out: list[str] | None = None,
    points: ThousandsPoints | None = None,
    places: RowPlaces | None = None,
) -> "pl.DataFrame":
    """Read a table: CSV and similar, JSON lines, Parquet, Arrow (Feather), Excel or OpenDocument.

    Format and compression (gzip, bzip2, xz, zstandard) are detected from the content. Columns of
    CSV and JSON in which every value is a number become numeric; all others stay text, whose kind
    `infer_schema` infers. Anything unusual in the file gives a `DataWarning`.

    Many files are one table: a folder, or a pattern such as `data/*.csv`, of files of one format
    (CSV, JSON lines, Parquet or Arrow) with the same columns. Folders named key=value, as Hive
    writes them, give columns of text. Rows are those of the files in natural order of their names.

    Args:
        path: The file, a folder or a pattern of files, or - for the standard input.
        delimiter: Of CSV; None: comma, semicolon, tab or bar, whichever fits.
        as_text: Keep every column of CSV and JSON as text; recommended for rows to be predicted,
            since an encoder takes text as well as numbers.
        table_format: What cannot be detected from the content.
        left_out: The names of columns left out because they hold lists, objects or bytes are
            appended here.
        points: Columns in whose text a point may stand between thousands; numbers of JSON and of
            workbooks stay numbers there.
        places: Of many files, learns which rows are of which.

    Raises:
        TableError: the file cannot be read as a table; the message says where and why.
        SettingsError: the delimiter is not a single character, or is given twice.

    Examples:
        >>> import polars
        >>> from multilayer import read_table
        >>> prices = polars.DataFrame({"flat": ["A", "B"], "rent": ["1.234,50 €", "980,00 €"]})
        >>> prices.write_csv("prices.csv", separator=";")
        >>> read_table("prices.csv").rows()
        [('A', '1.234,50 €'), ('B', '980,00 €')]
    """
    import polars as pl

    places = RowPlaces() if places is None else places
    if lacks_polars_threads() and str(path) != STANDARD_INPUT:
        frame: pl.DataFrame
        frame, others, found = fresh_process.call(
            _read_table, path, delimiter=delimiter, as_text=as_text, table_format=table_format,
            points=points,
        )  # fmt: skip
        places.take(found)
        if left_out is not None:
            left_out += others
        return frame
    reading = Reading(
        _format(delimiter, table_format), limit_bytes=largest_whole_bytes(),
        finds_booleans=not as_text, left_out=[] if left_out is None else left_out, points=points,
    )  # fmt: skip
    pieces = list(_pieces(path, reading, places))
    _require_memory(pieces, source_name(path))
    frame = pieces[0] if len(pieces) == 1 else pl.concat(pieces, how="diagonal_relaxed")
    return frame if as_text else with_numbers_found(frame)


def _read_table(path: str | Path, **named: Any) -> tuple["pl.DataFrame", list[str], RowPlaces]:
    """`read_table` for another process; also what it changes of its arguments."""
    left_out: list[str] = []
    places = RowPlaces()
    return read_table(path, **named, left_out=left_out, places=places), left_out, places


def read_table_pieces(
    path: str | Path,
    *,
    delimiter: str | None = None,
    table_format: TableFormat | None = None,
    rows_at_once: int = _ROWS_AT_ONCE,
    text_bytes: int | None = None,
    left_out: list[str] | None = None,
    points: ThousandsPoints | None = None,
    places: RowPlaces | None = None,
) -> Iterator["pl.DataFrame"]:
    """Read a table of any size in pieces, in order; columns of CSV and JSON stay text.

    Args:
        path: See `read_table`.
        delimiter: See `read_table`.
        table_format: See `read_table`.
        rows_at_once: Approximate rows of a piece of a Parquet or Arrow file.
        text_bytes: Approximate bytes of text of a piece of a CSV or JSON file; None: 16 MB.
        left_out: See `read_table`.
        points: See `read_table`.
        places: See `read_table`.

    Raises:
        TableError: the file cannot be read as a table; also raised while iterating.
        SettingsError: the delimiter is not a single character, or is given twice.
    """
    reading = Reading(
        _format(delimiter, table_format), rows_at_once, None, text_bytes,
        left_out=[] if left_out is None else left_out, points=points,
    )  # fmt: skip
    return _pieces(path, reading, RowPlaces() if places is None else places)


def _pieces(path: str | Path, reading: Reading, places: RowPlaces) -> Iterator["pl.DataFrame"]:
    if is_many_files(path):
        return read_many_pieces(path, reading, places)
    return read_file_pieces(path, reading)


def _format(delimiter: str | None, table_format: TableFormat | None) -> TableFormat:
    if delimiter is None:
        return table_format or TableFormat()
    if table_format is not None:
        raise SettingsError("give either delimiter or table_format, not both")
    return TableFormat(delimiter)


def _require_memory(pieces: list["pl.DataFrame"], source: str) -> None:
    """Refuse pieces whose union of columns does not fit in memory."""
    num_rows = sum(len(piece) for piece in pieces)
    num_columns = len({name for piece in pieces for name in piece.columns})
    if num_rows * num_columns * BYTES_A_VALUE > memory_bytes():
        raise TableError(
            f"{source} has {num_rows:,} rows and {num_columns:,} columns, "
            "which do not fit in the memory of this machine"
        )
