"""Detect the dialect of a CSV file from its beginning."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multilayer.reading.csv_records import find_delimiter, find_records

HEAD_BYTES = 2**16
_ROWS_TO_JUDGE = 1000
_COMMENT_SIGNS = ("#", "%", "//", ";")
_ROW_NAMES = "row_names"


@dataclass(frozen=True)
class Layout:
    """The dialect of a CSV file.

    Attributes:
        delimiter: One ASCII character.
        options: Further arguments of `csv.reader`; empty: a regular file.
        notes: A sentence on each thing that is unusual.
        extra: How header and rows differ: the rows begin with "row names", the rows end with a
            "delimiter", or the header ends with a "header delimiter".
        widths: Number of fields and first line of each of the first records, header included.
        comment: A comment marker with which some of the first records begin.
    """

    delimiter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra: str | None = None
    widths: tuple[tuple[int, int], ...] = ()
    comment: str | None = None

    def names(self, header: Sequence[str]) -> list[str]:
        """Column names from the fields of the header."""
        if self.extra == "row names":
            return [_ROW_NAMES + "_" * sum(name.strip() == _ROW_NAMES for name in header), *header]
        if self.extra == "delimiter":
            return [*header, ""]
        return list(header[:-1] if self.extra == "header delimiter" else header)

    def advice(self, text: str = "") -> str:
        """A hint for a record whose number of fields differs from the header's, or nothing."""
        comment = next((sign for sign in _COMMENT_SIGNS if text.startswith(sign)), self.comment)
        if comment is not None:
            return f"; to skip lines that begin with {comment}, add --comment '{comment}'"
        counts = Counter(width for width, _ in self.widths)
        if not counts:
            return ""
        width, count = counts.most_common(1)[0]
        if width <= 1 or width == self.widths[0][0] or count < 0.6 * len(self.widths):
            return ""
        line = next(line for found, line in self.widths if found == width)
        return f"; if line {line} holds the column names, add --skip-rows {line - 1}"


def find_layout(
    head: bytes, is_whole: bool, delimiter: str | None, source: str, first_line: int = 1
) -> Layout:
    """Detect the dialect from the first records.

    Args:
        head: The first `HEAD_BYTES`, in UTF-8.
        is_whole: Whether that is the whole file.
        delimiter: None: the one that fits best.
        source: Name of the file in notes.
        first_line: Line number of the beginning.
    """
    if is_whole and not head.endswith(b"\n"):
        head += b"\n"
    delimiter = delimiter or find_delimiter(head)
    options, notes = _options(head, is_whole, delimiter, source)
    records = _records(head, is_whole, delimiter, options)
    widths = tuple((len(record), first_line + line) for record, line in records)
    sign = next(
        (
            sign
            for sign in _COMMENT_SIGNS
            if any(record[0].startswith(sign) for record, _ in records) and sign != delimiter
        ),
        None,
    )
    extra = _extra([record for record, _ in records])
    if extra == "row names":
        notes.append(
            f"each row of {source} has one field more than its header: the first is read as a row "
            f"name, as R writes it, and named {_ROW_NAMES}"
        )
    elif extra == "delimiter":
        notes.append(f"each row of {source} ends with a delimiter that its header lacks")
    elif extra == "header delimiter":
        notes.append(f"the header of {source} ends with a delimiter that its rows lack")
    return Layout(delimiter, options, tuple(notes), extra, widths, sign)


def _options(
    head: bytes, is_whole: bool, delimiter: str, source: str
) -> tuple[dict[str, Any], list[str]]:
    """Arguments of `csv.reader` that give all records the same number of fields, and notes."""
    if delimiter == " " and re.search(rb"[^ \n]  +[^ \r\n]", head):
        return {"skipinitialspace": True}, []
    if b'"' not in head or find_records(head, delimiter).are_regular:
        return {}, []
    has_escapes = b'\\"' in head
    has_spaces = re.search(re.escape(delimiter.encode()) + b' +"', head) is not None
    escapes: dict[str, Any] = {"escapechar": "\\", "doublequote": False}
    for is_there, options, note in [
        (has_escapes, escapes, "backslashes before quotes are removed"),
        (has_spaces, {"skipinitialspace": True}, "spaces after delimiters are removed"),
        (
            has_escapes and has_spaces,
            {**escapes, "skipinitialspace": True},
            "backslashes before quotes and spaces after delimiters are removed",
        ),
    ]:
        if not is_there:
            continue
        records = _records(head, is_whole, delimiter, options)
        if len({len(record) for record, _ in records}) == 1:
            return options, [f"fields of {source} are quoted in an unusual way; {note}"]
    return {}, []


def _records(
    head: bytes, is_whole: bool, delimiter: str, options: Mapping[str, Any]
) -> list[tuple[list[str], int]]:
    """The first complete records, each with the index of its first line, from 0."""
    if not is_whole:
        head = head[: head.rfind(b"\n") + 1]
    reader = csv.reader(
        io.StringIO(head.decode(errors="replace"), newline=""), delimiter=delimiter, **options
    )
    found: list[tuple[list[str], int]] = []
    line = 0
    try:
        for record in reader:
            if record:
                found.append((record, line))
            line = reader.line_num
            if len(found) > _ROWS_TO_JUDGE:
                return found
    except csv.Error:
        return found
    return found if is_whole else found[:-1]  # the last may be incomplete


def _extra(records: Sequence[Sequence[str]]) -> str | None:
    if len(records) < 2:
        return None
    header, rows = records[0], records[1:]
    widths = {len(row) for row in rows}
    if widths == {len(header) + 1}:
        return "delimiter" if not any(row[-1] for row in rows) else "row names"
    if widths == {len(header) - 1} and len(header) > 2 and not header[-1].strip():
        return "header delimiter"
    return None
