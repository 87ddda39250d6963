"""Read a table from a file of any supported format."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.columns.text_numbers import with_numbers_found
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.forked import lacks_polars_threads, require_polars_threads
from multilayer.fresh_process import fresh_process
from multilayer.ordinary_files import open_regular
from multilayer.reading.byte_stream import (
    STANDARD_INPUT,
    largest_whole_bytes,
    memory_bytes,
    open_unpacked,
    read_whole,
    source_name,
)
from multilayer.reading.columnar import ARROW, OLD_FEATHER, PARQUET, read_columnar_pieces
from multilayer.reading.columnar_process import BYTES_A_VALUE
from multilayer.reading.csv import read_csv_pieces
from multilayer.reading.excel import read_excel
from multilayer.reading.foreign_formats import (
    OLD_EXCEL,
    ZIP,
    require_no_foreign_format,
    require_one_file,
)
from multilayer.reading.json_lines import read_json_pieces
from multilayer.reading.table_format import TableFormat
from multilayer.reading.text_stream import as_utf8

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
) -> "pl.DataFrame":
    """Read a table: CSV and similar, JSON lines, Parquet, Arrow (Feather), Excel or OpenDocument.

    Format and compression (gzip, bzip2, xz, zstandard) are detected from the content. Columns of
    CSV and JSON in which every value is a number become numeric; all others stay text, whose kind
    `infer_schema` infers. Anything unusual in the file gives a `DataWarning`.

    Args:
        path: The file, or - for the standard input.
        delimiter: Of CSV; None: comma, semicolon, tab or bar, whichever fits.
        as_text: Keep every column of CSV and JSON as text; recommended for rows to be predicted,
            since an encoder takes text as well as numbers.
        table_format: What cannot be detected from the content.
        left_out: The names of columns left out because they hold lists, objects or bytes are
            appended here.
        points: Columns in whose text a point may stand between thousands; numbers of JSON and of
            workbooks stay numbers there.

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

    if lacks_polars_threads() and str(path) != STANDARD_INPUT:
        frame: pl.DataFrame
        frame, others = fresh_process.call(
            _read_table, path, delimiter=delimiter, as_text=as_text, table_format=table_format,
            points=points,
        )  # fmt: skip
        if left_out is not None:
            left_out += others
        return frame
    pieces = list(
        _pieces(
            path, _format(delimiter, table_format), largest_whole_bytes(), rows_at_once=None,
            finds_booleans=not as_text, left_out=left_out, points=points,
        )
    )  # fmt: skip
    _require_memory(pieces, source_name(path))
    frame = pieces[0] if len(pieces) == 1 else pl.concat(pieces, how="diagonal_relaxed")
    return frame if as_text else with_numbers_found(frame)


def _read_table(path: str | Path, **named: Any) -> tuple["pl.DataFrame", list[str]]:
    """`read_table` for another process; also returns the names of columns left out."""
    left_out: list[str] = []
    return read_table(path, **named, left_out=left_out), left_out


def read_table_pieces(
    path: str | Path,
    *,
    delimiter: str | None = None,
    table_format: TableFormat | None = None,
    rows_at_once: int = _ROWS_AT_ONCE,
    text_bytes: int | None = None,
    left_out: list[str] | None = None,
    points: ThousandsPoints | None = None,
) -> Iterator["pl.DataFrame"]:
    """Read a table of any size in pieces, in order; columns of CSV and JSON stay text.

    Args:
        path: The file, or - for the standard input.
        delimiter: See `read_table`.
        table_format: See `read_table`.
        rows_at_once: Approximate rows of a piece of a Parquet or Arrow file.
        text_bytes: Approximate bytes of text of a piece of a CSV or JSON file; None: 16 MB.
        left_out: See `read_table`.
        points: See `read_table`.

    Raises:
        TableError: the file cannot be read as a table; also raised while iterating.
        SettingsError: the delimiter is not a single character, or is given twice.
    """
    return _pieces(
        path, _format(delimiter, table_format), None, rows_at_once, text_bytes, left_out=left_out,
        points=points,
    )  # fmt: skip


def _pieces(
    path: str | Path,
    table_format: TableFormat,
    limit_bytes: int | None,
    rows_at_once: int | None,
    text_bytes: int | None = None,
    finds_booleans: bool = False,
    left_out: list[str] | None = None,
    points: ThousandsPoints | None = None,
) -> Iterator["pl.DataFrame"]:
    path = path if str(path) == STANDARD_INPUT else Path(path).expanduser()
    source = source_name(path)
    require_polars_threads(f"reading {source}")
    if isinstance(path, Path):
        require_one_file(path)
    with open_unpacked(path, limit_bytes) as stream:
        beginning = stream.peek(64)
        if not beginning:
            raise TableError(f"{source} is empty")
        if beginning.startswith(OLD_FEATHER):
            raise TableError(f"{source} is a Feather file of version 1; save it as version 2")
        if beginning.startswith((PARQUET, ARROW)):
            _note_unused(table_format, set(), source)
            yield from _columnar_pieces(path, stream, source, rows_at_once, left_out)
        elif beginning.startswith((ZIP, OLD_EXCEL)):
            _note_unused(table_format, {"sheet", "skip_rows"}, source)
            yield read_excel(read_whole(stream, source), source, table_format, points)
        else:
            require_no_foreign_format(stream.peek(1024)[:1024], source)
            if table_format.sheet is not None:
                raise TableError(f"--sheet is for workbooks; {source} is not a workbook")
            text = as_utf8(stream, source, table_format.encoding)
            if _is_json(path, text.peek(64)):
                _note_unused(table_format, {"encoding"}, source)
                pieces = read_json_pieces(
                    text,
                    source,
                    text_bytes,
                    keeps_new_columns=rows_at_once is None,
                    left_out=left_out,
                    points=points,
                )
                yield from map(_with_booleans, pieces) if finds_booleans else pieces
            else:
                table_format = replace(table_format, encoding=None)  # it is UTF-8 by now
                yield from read_csv_pieces(text, source, table_format, text_bytes)


def _with_booleans(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Convert the columns of JSON that hold only true and false to booleans."""
    import polars as pl

    is_boolean = frame.select(
        pl.all().is_in(["true", "false"]).all() & pl.all().is_not_null().any()
    ).row(0)
    names = [name for name, is_one in zip(frame.columns, is_boolean, strict=True) if is_one]
    return frame.with_columns(pl.col(name) == "true" for name in names)


def _note_unused(table_format: TableFormat, used: set[str], source: str) -> None:
    """Warn of flags that have no effect on a file of this format."""
    for one in fields(table_format):
        if one.name not in used and getattr(table_format, one.name) != one.default:
            warnings.warn(
                f"--{one.name.replace('_', '-')} is ignored for {source}, which is not CSV",
                DataWarning,
                stacklevel=4,
            )


def _format(delimiter: str | None, table_format: TableFormat | None) -> TableFormat:
    if delimiter is None:
        return table_format or TableFormat()
    if table_format is not None:
        raise SettingsError("give either delimiter or table_format, not both")
    return TableFormat(delimiter)


def _columnar_pieces(
    path: str | Path,
    stream: io.BufferedReader,
    source: str,
    rows_at_once: int | None,
    left_out: list[str] | None,
) -> Iterator["pl.DataFrame"]:
    is_parquet = stream.peek(4).startswith(PARQUET)
    # polars seeks in a file; compressed or piped content is read as a whole.
    content: Path | bytes
    if isinstance(path, Path) and path.is_file() and _begins_alike(path, stream.peek(8)):
        content = path
    else:
        content = read_whole(stream, source)
    yield from read_columnar_pieces(content, is_parquet, source, rows_at_once, left_out)


def _require_memory(pieces: list["pl.DataFrame"], source: str) -> None:
    """Refuse pieces whose union of columns does not fit in memory."""
    num_rows = sum(len(piece) for piece in pieces)
    num_columns = len({name for piece in pieces for name in piece.columns})
    if num_rows * num_columns * BYTES_A_VALUE > memory_bytes():
        raise TableError(
            f"{source} has {num_rows:,} rows and {num_columns:,} columns, "
            "which do not fit in the memory of this machine"
        )


def _begins_alike(path: Path, beginning: bytes) -> bool:
    with open_regular(path) as file:
        return file.read(4) == beginning[:4]


def _is_json(path: str | Path, beginning: bytes) -> bool:
    start = beginning.lstrip()
    suffixes = Path(path).suffixes if isinstance(path, Path) else []
    is_named = any(suffix in (".json", ".jsonl", ".ndjson") for suffix in suffixes)
    return start.startswith(b"{") or (start.startswith(b"[") and (is_named or b"{" in start))
