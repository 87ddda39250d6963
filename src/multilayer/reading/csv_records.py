"""Locate the records and fields of CSV."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DELIMITERS = (",", ";", "\t", "|")
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_RECORDS_TO_JUDGE = 100
_SHARE_ALIKE = 0.8  # a few enclosed rows may have quoted fields themselves


@dataclass(frozen=True, eq=False)
class Records:
    """The records in a piece of text.

    Attributes:
        starts: Byte offset of each record.
        ends: Byte offset of the newline after it.
        num_fields: Number of fields of each record.
        is_blank: Whether it is an empty line, which is not a record.
        has_quotes: Whether there is any quote.
        are_regular: Whether each quote opens or closes a field or is doubled inside one. If not,
            the other attributes are unreliable.
        delimiters_of_lines: Number of delimiters of each line, quoted or not, and the index of the
            record that the line belongs to; None if each record is one line.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    num_fields: NDArray[np.int64]
    is_blank: NDArray[np.bool_]
    has_quotes: bool
    are_regular: bool
    delimiters_of_lines: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def first_that_swallows(self, num_fields: int) -> int | None:
        """The first record whose quoted field seems to enclose other records, or None."""
        if self.delimiters_of_lines is None:
            return None
        counts, records = self.delimiters_of_lines
        num_lines = np.bincount(records)
        num_alike = np.bincount(records, counts == num_fields - 1)
        found = np.flatnonzero(looks_swallowed(num_lines, num_alike, num_fields))
        return int(found[0]) if len(found) else None


def looks_swallowed(num_lines: Any, num_alike: Any, num_fields: int) -> Any:
    """Whether the lines of a record look like records themselves, enclosed by a stray quote.

    They do if 80% of them have as many delimiters as a record, of at least two lines, or four in
    tables of two columns. Tables of one column cannot be checked.

    Args:
        num_lines: of the record, or an array of each.
        num_alike: lines with as many delimiters, quoted or not, as a record has.
        num_fields: of a record.
    """
    fewest = 2 if num_fields > 2 else 4
    return (num_fields > 1) & (num_lines >= fewest) & (num_alike >= _SHARE_ALIKE * num_lines)


def find_records(content: bytes, delimiter: str) -> Records:
    """Find the records of a piece that begins with one; an unfinished last record is left out.

    Args:
        content: Text in UTF-8 or another encoding compatible with ASCII.
        delimiter: One ASCII character.
    """
    text = np.frombuffer(content, dtype=np.uint8)
    ends, delimiters = np.flatnonzero(text == _NEWLINE), np.flatnonzero(text == ord(delimiter))
    has_quotes, are_regular = b'"' in content, True
    of_lines = None
    if has_quotes:
        lines, all_delimiters = ends, delimiters
        quotes = np.flatnonzero(text == _QUOTE)
        are_regular = _are_regular(text, quotes, ord(delimiter))
        # A position with an even number of quotes before it is outside quotes.
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
        if len(ends) and len(lines) > len(ends):
            lines = lines[lines <= ends[-1]]
            counts = np.diff(np.searchsorted(all_delimiters, lines), prepend=0)
            of_lines = counts, np.searchsorted(ends, lines)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    before_ends = np.searchsorted(delimiters, ends)
    num_fields = np.diff(before_ends, prepend=0) + 1
    length = ends - starts
    is_blank = (length == 0) | ((length == 1) & (text[starts] == _RETURN))
    return Records(starts, ends, num_fields, is_blank, has_quotes, are_regular, of_lines)


def find_delimiter(content: bytes) -> str:
    """Detect the delimiter: the one with which most of the first records have equally many fields.

    Ties are broken by the number of fields, then by the count in the first line, then the comma.
    """
    first_line = content.lstrip().partition(b"\n")[0]

    def merit(delimiter: str) -> tuple[float, int, int]:
        records = find_records(content, delimiter)
        num_fields = records.num_fields[~records.is_blank][:_RECORDS_TO_JUDGE]
        if not records.are_regular or len(num_fields) == 0 or num_fields[0] == 1:
            return 0.0, 0, first_line.count(delimiter.encode())
        return float((num_fields == num_fields[0]).mean()), int(num_fields[0]), 0

    return max(DELIMITERS, key=merit)


def _are_regular(text: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
    padded = np.concatenate([[_NEWLINE], text, [_NEWLINE] * 2])  # text[i] is padded[i + 1]
    opening, closing = quotes[::2], quotes[1::2]
    before, after, then = padded[opening], padded[closing + 2], padded[closing + 3]
    # A quote after a closing or before an opening one is half of a doubled quote.
    can_open = np.isin(before, (delimiter, _NEWLINE, _QUOTE))
    can_close = np.isin(after, (delimiter, _NEWLINE, _QUOTE))
    can_close |= (after == _RETURN) & (then == _NEWLINE)  # a lone carriage return ends no record
    return bool(can_open.all() and can_close.all())
