"""Read CSV and other delimited text as frames of text columns."""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from multilayer.columns.schema import enumerated
from multilayer.errors import DataWarning, TableError
from multilayer.reading.csv_layout import HEAD_BYTES, Layout, find_layout
from multilayer.reading.csv_records import Records, find_records, looks_swallowed
from multilayer.reading.table_format import TableFormat
from multilayer.reading.text_stream import as_utf8, with_newlines, without_comments

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 2**24
_LARGEST_RECORD_BYTES = 2**25
_MOST_COLUMNS = 100_000
_ROWS_AT_ONCE = 10_000
_MOST_LINES_NAMED = 3
# A first line that names the delimiter, as spreadsheets write it.
_SEPARATOR_LINE = re.compile(rb'"?sep=([^"\r\n])"?(\r?\n|\r|$)', re.IGNORECASE)


def read_csv_pieces(
    stream: io.BufferedReader,
    source: str,
    table_format: TableFormat,
    piece_bytes: int | None = None,
    layouts: list[Layout] | None = None,
) -> Iterator["pl.DataFrame"]:
    """Read CSV in pieces; all columns are text, null where empty.

    The first record is the header; empty lines and repetitions of the header are skipped. Quotes
    inside quoted fields are doubled; such fields may hold delimiters and newlines. Quotes inside
    unquoted fields are literal. Other dialects are read with a `DataWarning` where possible.

    Args:
        stream: At the beginning of the file.
        source: Name of the file in errors.
        table_format: How it is written.
        piece_bytes: Size of a piece in bytes of text; None: `PIECE_BYTES`.
        layouts: The dialect that is found is appended here.

    Yields:
        One frame or more; the first may have no rows. The rows do not depend on the piece size.

    Raises:
        TableError: the file is empty, holds a NUL or bytes invalid in its encoding, a record has
            another number of fields than the header, two columns have the same name, a quote is
            never closed or seems to enclose rows, a record is longer than 32 MB, or there are more
            than 100,000 columns.
    """
    stream = without_comments(as_utf8(stream, source, table_format.encoding), table_format.comment)
    reader = _Reader(stream, source, table_format, piece_bytes or PIECE_BYTES)
    if layouts is not None:
        layouts.append(reader.layout)
    yield from reader.pieces()
    reader.warn_of_headers()


class _Reader:
    """Reads a file and tracks the position in it for errors."""

    def __init__(
        self, stream: io.BufferedReader, source: str, table_format: TableFormat, piece_bytes: int
    ) -> None:
        self._stream, self._source, self._piece_bytes = stream, source, piece_bytes
        self._takes_quoted_lines = table_format.quoted_lines
        self._names: list[str] | None = None
        self._header: list[str] = []  # its fields, unchanged
        self._header_line = b""
        self._header_lines: list[int] = []  # lines that repeat it
        self._offset = 0  # bytes before the current piece
        self._row = 0  # rows of data before it
        self._line = 1  # number of its first line
        for _ in range(table_format.skip_rows):
            self._pass_over(self._stream.readline(_LARGEST_RECORD_BYTES))
        delimiter = self._separator_line() or table_format.delimiter
        self._head = self._stream.read(HEAD_BYTES)
        is_whole = len(self._head) < HEAD_BYTES
        told_by = self._head if is_whole else self._head[:-1]
        if b"\r" in told_by and b"\n" not in told_by:  # as on the first Macintosh
            self._head = self._head.replace(b"\r", b"\n")
            self._stream = with_newlines(self._stream)
        self.layout = Layout(delimiter or ",")
        if b"\0" not in self._head:  # binary data is refused later
            self.layout = find_layout(self._head, is_whole, delimiter, source, self._line)
        self._delimiter = self.layout.delimiter
        for note in self.layout.notes:
            warnings.warn(note, DataWarning, stacklevel=4)

    def _pass_over(self, content: bytes) -> None:
        if not content:
            raise TableError(f"{self._source} has fewer lines than --skip-rows skips")
        self._offset += len(content)
        self._line += 1

    def _separator_line(self) -> str | None:
        found = _SEPARATOR_LINE.match(self._stream.peek(10)[:10])
        if found is None:
            return None
        self._pass_over(self._stream.read(found.end()))
        delimiter = TableFormat(found[1].decode(errors="replace")).delimiter
        warnings.warn(
            f"the first line of {self._source} sets the delimiter to {delimiter!r}",
            DataWarning,
            stacklevel=5,
        )
        return delimiter

    def _take(self) -> bytes:
        """The next piece of bytes; shorter than a piece only at the end of the file."""
        part = self._head[: self._piece_bytes]
        self._head = self._head[len(part) :]
        missing = self._piece_bytes - len(part)
        return part + self._stream.read(missing) if missing else part

    def pieces(self) -> Iterator["pl.DataFrame"]:
        rest = b""
        is_last = False
        while not is_last:
            piece = self._take()
            content, is_last = rest + piece, len(piece) < self._piece_bytes
            if b"\0" in piece:
                self._require_text(content)
            if is_last and content and not content.endswith(b"\n"):
                content += b"\n"
            records = find_records(content, self._delimiter)
            if self.layout.options or not records.are_regular:
                yield from self._irregular_pieces(content)
                return
            end = int(records.ends[-1]) + 1 if len(records.ends) else 0
            rest = content[end:]
            if end:
                yield from self._frames(content[:end], records)
            if is_last and rest:
                raise TableError(
                    f"{self._source} opens a quote in row {self._row + 1} that is never closed"
                )
            if len(rest) > _LARGEST_RECORD_BYTES:
                raise TableError(
                    f"row {self._row + 1} of {self._source} is longer than "
                    f"{_LARGEST_RECORD_BYTES:,} bytes; is a quote never closed?"
                )
        if self._names is None:
            raise TableError(f"{self._source} is empty; a table begins with its column names")

    def _frames(self, content: bytes, records: Records) -> Iterator["pl.DataFrame"]:
        import polars as pl

        self._require_text(content)
        first = 0  # record of data
        if self._names is None:
            present = (~records.is_blank).nonzero()[0]
            if len(present) == 0:
                self._go_on(content)
                return
            first = int(present[0]) + 1
            self._require_few(int(records.num_fields[first - 1]))
            self._header_line = content[records.starts[first - 1] : records.ends[first - 1] + 1]
            self._set_header(self._header_line)
            yield self._empty()
        assert self._names is not None
        is_blank = records.is_blank[first:]
        is_wrong = (records.num_fields[first:] != len(self._names)) & ~is_blank
        for record in self._headers_again(content, records, first):
            is_blank[record - first] = True  # it may have fewer fields than the rows
            is_wrong[record - first] = False
        swallows = records.first_that_swallows(len(self._names))
        if is_wrong.any() or (swallows is not None and not self._takes_quoted_lines):
            wrong = first + int(is_wrong.argmax()) if is_wrong.any() else len(records.starts)
            record = min(wrong, len(records.starts) if swallows is None else swallows)
            row = self._row + int((~is_blank[: max(record - first, 0)]).sum()) + 1
            line = self._line + content.count(b"\n", 0, int(records.starts[record]))
            text = content[int(records.starts[record]) : int(records.ends[record]) + 1]
            if record == swallows and not self._takes_quoted_lines:
                raise self._swallowed(row if record >= first else 0, line, text.count(b"\n"))
            raise self._ragged(row, int(records.num_fields[record]), line, text[:99])
        if not is_blank.all():
            skipped = int(is_blank.argmin())  # polars counts the columns of the first line
            first, is_blank = first + skipped, is_blank[skipped:]
            frame = pl.read_csv(
                content[int(records.starts[first]) :],
                has_header=False,
                schema=dict.fromkeys(self._names, pl.String),
                separator=self._delimiter,
                quote_char='"' if records.has_quotes else None,
                infer_schema=False,
            )
            assert len(frame) == len(is_blank), "polars found another number of records"
            yield frame.filter(~is_blank) if is_blank.any() else frame
            self._row += int((~is_blank).sum())
        self._go_on(content)

    def _go_on(self, content: bytes) -> None:
        self._offset += len(content)
        self._line += content.count(b"\n")

    def _headers_again(self, content: bytes, records: Records, first: int) -> Iterator[int]:
        """Indices of records that repeat the header."""
        if len(self._header) < 2:  # the value of a single field may equal its column name
            return
        place = -1
        while (place := content.find(self._header_line, place + 1)) >= 0:
            record = int(records.starts.searchsorted(place))
            if first <= record < len(records.starts) and records.starts[record] == place:
                self._header_lines.append(self._line + content.count(b"\n", 0, place))
                yield record

    def warn_of_headers(self) -> None:
        """Warn of the lines that repeat the header."""
        if not self._header_lines:
            return
        shown = ", ".join(map(str, self._header_lines[:_MOST_LINES_NAMED]))
        more = len(self._header_lines) - _MOST_LINES_NAMED
        if len(self._header_lines) == 1:
            what = f"line {shown} of {self._source} repeats the column names and is skipped"
        else:
            others = f" and {more} more" if more > 0 else ""
            what = (
                f"lines {shown}{others} of {self._source} repeat the column names and are skipped"
            )
        warnings.warn(what, DataWarning, stacklevel=4)

    def _irregular_pieces(self, content: bytes) -> Iterator["pl.DataFrame"]:
        """Read the rest record by record; needed where quotes are in unusual places."""
        content, self._head = content + self._head, b""
        lines = chain(io.BytesIO(content + self._stream.readline()), self._stream)
        of_record: list[bytes] = []
        reader = csv.reader(
            self._decoded(lines, of_record), delimiter=self._delimiter, **self.layout.options
        )
        rows: list[list[str]] = []
        first_line = self._line
        try:
            for record in reader:
                line, raw = first_line + reader.line_num - len(of_record), of_record.copy()
                of_record.clear()
                if not record:
                    continue
                if len(raw) > 1:
                    self._require_not_swallowed(raw, line, len(self._names or record))
                if self._names is None:
                    self._require_few(len(record))
                    self._names = self._require_distinct(self.layout.names(record))
                    self._header = record
                    yield self._empty()
                    continue
                if record == self._header and len(record) > 1:
                    self._header_lines.append(line)
                    continue
                if len(record) != len(self._names):
                    raise self._ragged(self._row + 1, len(record), line, raw[0][:99])
                rows.append(record)
                self._row += 1
                if len(rows) == _ROWS_AT_ONCE:
                    yield self._frame(rows)
                    rows = []
        except csv.Error as error:
            reason = str(error)
            if reason.startswith("new-line"):  # replace advice for programmers
                reason = "a carriage return outside quotes does not end a line"
            raise TableError(f"row {self._row + 1} of {self._source}: {reason}") from error
        if self._names is None:
            raise TableError(f"{self._source} is empty; a table begins with its column names")
        if rows:
            yield self._frame(rows)

    def _frame(self, rows: list[list[str]]) -> "pl.DataFrame":
        import polars as pl

        frame = pl.DataFrame(rows, schema=self._empty().schema, orient="row")
        return frame.with_columns(pl.when(pl.all() != "").then(pl.all()).name.keep())

    def _require_not_swallowed(self, raw: list[bytes], line: int, num_fields: int) -> None:
        sign = self._delimiter.encode()
        num_alike = sum(text.count(sign) == num_fields - 1 for text in raw)
        if not self._takes_quoted_lines and looks_swallowed(len(raw), num_alike, num_fields):
            raise self._swallowed(self._row + 1 if self._names else 0, line, len(raw))

    def _decoded(self, lines: Iterator[bytes], of_record: list[bytes]) -> Iterator[str]:
        for line in lines:
            self._require_text(line)
            self._offset += len(line)
            of_record.append(line)
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
                f"0x{content[place]:02x}; name its encoding, most often --encoding windows-1252"
            ) from error

    def _set_header(self, line: bytes) -> None:
        text = line.decode().removesuffix("\n").removesuffix("\r")
        try:
            self._header = next(csv.reader([text], delimiter=self._delimiter))
        except csv.Error as error:
            raise TableError(f"the column names of {self._source}: {error}") from error
        self._names = self._require_distinct(self.layout.names(self._header))

    def _require_few(self, num_columns: int) -> None:
        if num_columns > _MOST_COLUMNS:
            raise TableError(
                f"{self._source} has {num_columns:,} columns; at most {_MOST_COLUMNS:,} are allowed"
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

    def _ragged(self, row: int, num_fields: int, line: int, text: bytes) -> TableError:
        assert self._names is not None
        return TableError(
            f"row {row} of {self._source} (line {line}) has {num_fields} "
            f"field{'s' if num_fields != 1 else ''}, it must have {len(self._names)}: "
            f"{enumerated(self._names)}{self.layout.advice(text.decode(errors='replace'))}"
        )

    def _swallowed(self, row: int, line: int, num_lines: int) -> TableError:
        where = f"row {row}" if row else "the header"
        return TableError(
            f"a quote in {where} of {self._source} (line {line}) encloses everything up to line "
            f"{line + num_lines - 1}, which looks like rows; fix the quote, or add --quoted-lines "
            "if it is text"
        )

    def _empty(self) -> "pl.DataFrame":
        import polars as pl

        assert self._names is not None
        return pl.DataFrame(schema=dict.fromkeys(self._names, pl.String))
