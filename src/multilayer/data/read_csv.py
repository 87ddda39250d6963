"""Comma-separated text, and its relatives, as frames of text."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from multilayer.data.byte_stream import read_whole
from multilayer.data.csv_records import Records, find_delimiter, find_records
from multilayer.data.schema import enumerated
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 2**24
_HEAD_BYTES = 2**16
_LARGEST_RECORD_BYTES = 2**28
_MOST_COLUMNS = 100_000
_ROWS_AT_ONCE = 10_000


def read_csv_pieces(
    stream: io.BufferedReader, source: str, delimiter: str | None, piece_bytes: int | None = None
) -> Iterator["pl.DataFrame"]:
    """Read comma-separated text, some rows at a time; all columns are text, null where empty.

    The first record names the columns; empty lines do not count. Quotes are doubled inside quoted
    fields, which may hold delimiters and line ends. Where quotes stand inside of unquoted fields,
    they stand for themselves.

    Args:
        stream: Begins the file. UTF-8, or UTF-16 with a byte order mark.
        source: What errors call the file.
        delimiter: None: the comma, semicolon, tab or bar that fits the first records best.
        piece_bytes: How much text a piece has; None: `PIECE_BYTES`.

    Returns:
        At least one frame; the first may have no rows.

    Raises:
        TableError: the file is empty, holds a NUL or bytes that are not UTF-8, a record has another
            number of fields than the first, two columns have the same name, a quote is never
            closed, a record is longer than 256 MB, or there are more than 100,000 columns.
    """
    stream = _as_utf8(stream, source)
    reader = _Reader(stream, source, delimiter, piece_bytes or PIECE_BYTES)
    yield from reader.pieces()


class _Reader:
    """Knows where in the file it is, so that errors can say so."""

    def __init__(
        self, stream: io.BufferedReader, source: str, delimiter: str | None, piece_bytes: int
    ) -> None:
        self._stream, self._source, self._piece_bytes = stream, source, piece_bytes
        self._delimiter = delimiter or ","
        self._must_find_delimiter = delimiter is None
        # As on the first Macintosh: without any newline in the first piece.
        self._ends_lines_with_returns: bool | None = None
        self._names: list[str] | None = None
        self._offset = 0  # bytes before the piece at hand
        self._row = 0  # rows of data before it
        self._line = 1  # the line that it begins with

    def pieces(self) -> Iterator["pl.DataFrame"]:
        rest = b""
        is_last = False
        while not is_last:
            piece = self._stream.read(self._piece_bytes)
            content, is_last = rest + piece, len(piece) < self._piece_bytes
            if b"\0" in piece:  # before the end of a record is looked for
                self._require_text(content)
            if is_last and content and not content.endswith(b"\n"):
                content += b"\n"
            if self._ends_lines_with_returns is None:
                told_by = content if is_last else content[:-1]
                self._ends_lines_with_returns = b"\r" in told_by and b"\n" not in content[:-1]
            if self._ends_lines_with_returns:
                content = content.replace(b"\r", b"\n")
            if self._names is None and self._must_find_delimiter:
                self._delimiter = find_delimiter(content[:_HEAD_BYTES])
            records = find_records(content, self._delimiter)
            if not records.are_regular:
                yield from self._irregular_pieces(content)
                return
            end = int(records.ends[-1]) + 1 if len(records.ends) else 0
            rest = content[end:]
            if is_last and rest:
                raise TableError(
                    f"{self._source} opens a quote in row {self._row + _num_rows(records) + 1} "
                    "that is never closed"
                )
            if len(rest) > _LARGEST_RECORD_BYTES:
                raise TableError(
                    f"row {self._row + 1} of {self._source} is longer than "
                    f"{_LARGEST_RECORD_BYTES:,} bytes; is a quote never closed?"
                )
            if end:
                yield from self._frames(content[:end], records)
        if self._names is None:
            raise TableError(f"{self._source} is empty; a table begins with its column names")

    def _frames(self, content: bytes, records: Records) -> Iterator["pl.DataFrame"]:
        import polars as pl

        self._require_text(content)
        first = 0  # record of data
        if self._names is None:
            present = (~records.is_blank).nonzero()[0]
            if len(present) == 0:
                return
            first = int(present[0]) + 1
            self._require_few(int(records.num_fields[first - 1]))
            head = content[records.starts[first - 1] : records.ends[first - 1]]
            self._names = self._column_names(head)
            yield self._empty()
        assert self._names is not None
        is_blank = records.is_blank[first:]
        is_wrong = (records.num_fields[first:] != len(self._names)) & ~is_blank
        if is_wrong.any():
            record = first + int(is_wrong.argmax())
            row = self._row + int((~is_blank[: record - first]).sum()) + 1
            line = self._line + content.count(b"\n", 0, int(records.starts[record]))
            raise self._ragged(row, int(records.num_fields[record]), line)
        if not is_blank.all():
            skipped = int(is_blank.argmin())  # polars counts the columns by the first line
            first, is_blank = first + skipped, is_blank[skipped:]
            frame = pl.read_csv(
                content[int(records.starts[first]) :],
                has_header=False,
                schema=dict.fromkeys(self._names, pl.String),
                separator=self._delimiter,
                quote_char='"' if records.has_quotes else None,
                infer_schema=False,
            )
            assert len(frame) == len(is_blank), "polars counts the records otherwise"
            yield frame.filter(~is_blank) if is_blank.any() else frame
            self._row += int((~is_blank).sum())
        self._offset += len(content)
        self._line += content.count(b"\n")

    def _irregular_pieces(self, content: bytes) -> Iterator["pl.DataFrame"]:
        """Read on, record by record, where a quote stands in an unusual place."""
        import polars as pl

        lines = chain(io.BytesIO(content + self._stream.readline()), self._stream)
        reader = csv.reader(self._decoded(lines), delimiter=self._delimiter)
        rows: list[list[str]] = []
        try:
            for record in reader:
                if not record:
                    continue
                if self._names is None:
                    self._require_few(len(record))
                    self._names = self._require_distinct(record)
                    yield self._empty()
                    continue
                if len(record) != len(self._names):
                    raise self._ragged(self._row + 1, len(record), reader.line_num)
                rows.append(record)
                self._row += 1
                if len(rows) == _ROWS_AT_ONCE:
                    yield pl.DataFrame(rows, schema=self._empty().schema, orient="row")
                    rows = []
        except csv.Error as error:
            reason = str(error)
            if reason.startswith("new-line"):  # its advice is for programmers
                reason = "a carriage return stands outside quotes, where no line ends"
            raise TableError(f"row {self._row + 1} of {self._source}: {reason}") from error
        if self._names is None:
            raise TableError(f"{self._source} is empty; a table begins with its column names")
        if rows:
            yield pl.DataFrame(rows, schema=self._empty().schema, orient="row")

    def _decoded(self, lines: Iterator[bytes]) -> Iterator[str]:
        for line in lines:
            self._require_text(line)
            self._offset += len(line)
            yield line.decode()

    def _require_text(self, content: bytes) -> None:
        place = content.find(b"\0")
        if place >= 0:
            raise TableError(
                f"{self._source} holds a NUL at byte {self._offset + place}; is it a text file?"
            )
        try:
            if not content.isascii():
                content.decode()
        except UnicodeDecodeError as error:
            place = error.start
            line = self._line + content.count(b"\n", 0, place)
            raise TableError(
                f"{self._source} is not UTF-8: byte {self._offset + place}, in line {line}, is "
                f"0x{content[place]:02x}; convert the file, for example with "
                "iconv --from-code=latin1 --to-code=utf8"
            ) from error

    def _column_names(self, head: bytes) -> list[str]:
        text = head.decode().removesuffix("\r")
        try:
            return self._require_distinct(next(csv.reader([text], delimiter=self._delimiter)))
        except csv.Error as error:
            raise TableError(f"the column names of {self._source}: {error}") from error

    def _require_few(self, num_columns: int) -> None:
        if num_columns > _MOST_COLUMNS:
            raise TableError(
                f"{self._source} has {num_columns:,} columns; {_MOST_COLUMNS:,} are the most"
            )

    def _require_distinct(self, names: Sequence[str]) -> list[str]:
        names = [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]
        places: dict[str, int] = {}
        for place, name in enumerate(names, start=1):
            if places.setdefault(name, place) != place:
                raise TableError(
                    f"columns {places[name]} and {place} of {self._source} have the same name "
                    f"{name!r}"
                )
        return names

    def _ragged(self, row: int, num_fields: int, line: int) -> TableError:
        assert self._names is not None
        return TableError(
            f"row {row} of {self._source} (line {line}) has {num_fields} "
            f"field{'s' if num_fields != 1 else ''}, it must have {len(self._names)}: "
            f"{enumerated(self._names)}"
        )

    def _empty(self) -> "pl.DataFrame":
        import polars as pl

        assert self._names is not None
        return pl.DataFrame(schema=dict.fromkeys(self._names, pl.String))


def _num_rows(records: Records) -> int:
    return max(int((~records.is_blank).sum()) - 1, 0)


def _as_utf8(stream: io.BufferedReader, source: str) -> io.BufferedReader:
    mark = stream.peek(3)[:3]
    if mark.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
        return stream
    if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = read_whole(stream, source).decode("utf-16")
        except UnicodeDecodeError as error:
            raise TableError(
                f"{source} is not UTF-16 as its first bytes say: byte {error.start}"
            ) from error
        return io.BufferedReader(io.BytesIO(text.encode()))
    return stream
