"""Read one file of any supported format in pieces."""

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from multilayer.columns.thousands_points import ThousandsPoints, TypedNumbers
from multilayer.errors import DataWarning, TableError
from multilayer.forked import require_polars_threads
from multilayer.ordinary_files import open_regular
from multilayer.reading.byte_stream import (
    STANDARD_INPUT,
    open_unpacked,
    read_whole,
    source_name,
)
from multilayer.reading.columnar import ARROW, OLD_FEATHER, PARQUET, read_columnar_pieces
from multilayer.reading.csv import read_csv_pieces
from multilayer.reading.csv_layout import Layout
from multilayer.reading.excel import read_excel
from multilayer.reading.foreign_formats import (
    OLD_EXCEL,
    ZIP,
    require_local,
    require_no_foreign_format,
)
from multilayer.reading.json_lines import read_json_pieces
from multilayer.reading.table_files import one_table_file, unchanged
from multilayer.reading.table_format import TableFormat
from multilayer.reading.text_stream import as_utf8

if TYPE_CHECKING:
    import polars as pl

FileKind = Literal["Parquet", "Arrow", "workbook", "JSON", "CSV"]


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        table_format: What cannot be detected from the content.
        rows_at_once: Approximate rows of a piece of a Parquet or Arrow file; None: the table is
            read as a whole.
        limit_bytes: Largest size of a file after decompression; None: no limit.
        text_bytes: Approximate bytes of text of a piece of a CSV or JSON file; None: 16 MB.
        finds_booleans: Convert columns of JSON that hold only true and false.
        left_out: The names of columns left out because they hold lists, objects or bytes are
            appended here.
        points: Columns in whose text a point may stand between thousands.
        typed: The columns of JSON that hold numbers as such, of several files together.
        names: The columns of JSON that are known before its objects are read.
        layouts: The dialects of CSV found are appended here.
        decodes_here: Decode Parquet and Arrow files that are not compressed in this process, which
            a damaged file may end.
    """

    table_format: TableFormat = field(default_factory=TableFormat)
    rows_at_once: int | None = None
    limit_bytes: int | None = None
    text_bytes: int | None = None
    finds_booleans: bool = False
    left_out: list[str] = field(default_factory=list)
    points: ThousandsPoints | None = None
    typed: TypedNumbers | None = None
    names: tuple[str, ...] = ()
    layouts: list[Layout] = field(default_factory=list)
    decodes_here: bool = False


def kind_of_file(path: str | Path, table_format: TableFormat) -> FileKind:
    """The format of a file, from its first bytes.

    Raises:
        TableError: it cannot be read, is empty, or its format is not supported.
    """
    with open_unpacked(path) as stream:
        return _kind(path, stream, table_format)[0]


def read_file_pieces(path: str | Path, reading: Reading) -> Iterator["pl.DataFrame"]:
    """Read a file in pieces, in order; at least one, which may have no rows.

    Raises:
        TableError: the file cannot be read as a table, or was changed meanwhile.
    """
    path = path if str(path) == STANDARD_INPUT else Path(path).expanduser()
    source = source_name(path)
    require_polars_threads(f"reading {source}")
    if isinstance(path, Path):
        require_local(path)
    files = [one_table_file(path)] if os.path.isfile(path) else []  # noqa: PTH113 (takes any name)
    with unchanged(files), open_unpacked(path, reading.limit_bytes) as stream:
        kind, text = _kind(path, stream, reading.table_format)
        if kind in ("Parquet", "Arrow"):
            _note_unused(reading.table_format, set(), source)
            yield from _columnar_pieces(path, stream, source, reading)
        elif kind == "workbook":
            _note_unused(reading.table_format, {"sheet", "skip_rows"}, source)
            yield read_excel(
                read_whole(stream, source), source, reading.table_format, reading.points
            )
        elif kind == "JSON":
            _note_unused(reading.table_format, {"encoding"}, source)
            pieces = read_json_pieces(
                text,
                source,
                reading.text_bytes,
                keeps_new_columns=reading.rows_at_once is None,
                left_out=reading.left_out,
                points=reading.points,
                typed=reading.typed,
                names=reading.names,
            )
            yield from map(_with_booleans, pieces) if reading.finds_booleans else pieces
        else:
            utf_8 = replace(reading.table_format, encoding=None)  # it is UTF-8 by now
            yield from read_csv_pieces(text, source, utf_8, reading.text_bytes, reading.layouts)


def _kind(
    path: str | Path, stream: io.BufferedReader, table_format: TableFormat
) -> tuple[FileKind, io.BufferedReader]:
    """The format, and the content, as UTF-8 if it is text."""
    source = source_name(path)
    beginning = stream.peek(64)
    if not beginning:
        raise TableError(f"{source} is empty")
    if beginning.startswith(OLD_FEATHER):
        raise TableError(f"{source} is a Feather file of version 1; save it as version 2")
    if beginning.startswith((PARQUET, ARROW)):
        return ("Parquet" if beginning.startswith(PARQUET) else "Arrow"), stream
    if beginning.startswith((ZIP, OLD_EXCEL)):
        return "workbook", stream
    require_no_foreign_format(stream.peek(1024)[:1024], source)
    if table_format.sheet is not None:
        raise TableError(f"--sheet is for workbooks; {source} is not a workbook")
    text = as_utf8(stream, source, table_format.encoding)
    return ("JSON" if _is_json(path, text.peek(64)) else "CSV"), text


def _with_booleans(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Convert the columns of JSON that hold only true and false to booleans."""
    import polars as pl

    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    is_boolean = frame.select(
        pl.col(texts).is_in(["true", "false"]).all() & pl.col(texts).is_not_null().any()
    )
    names = [name for name in texts if is_boolean[name].all()]
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


def _columnar_pieces(
    path: str | Path, stream: io.BufferedReader, source: str, reading: Reading
) -> Iterator["pl.DataFrame"]:
    is_parquet = stream.peek(4).startswith(PARQUET)
    # polars seeks in a file; compressed or piped content is read as a whole.
    content: Path | bytes
    if isinstance(path, Path) and path.is_file() and _begins_alike(path, stream.peek(8)):
        content = path
    else:
        content = read_whole(stream, source)
    yield from read_columnar_pieces(
        content, is_parquet, source, reading.rows_at_once, reading.left_out
    )


def _begins_alike(path: Path, beginning: bytes) -> bool:
    with open_regular(path) as file:
        return file.read(4) == beginning[:4]


def _is_json(path: str | Path, beginning: bytes) -> bool:
    start = beginning.lstrip()
    suffixes = Path(path).suffixes if isinstance(path, Path) else []
    is_named = any(suffix in (".json", ".jsonl", ".ndjson") for suffix in suffixes)
    return start.startswith(b"{") or (start.startswith(b"[") and (is_named or b"{" in start))
