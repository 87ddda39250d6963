"""Which file and row of it a row of a table of several files is."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from multilayer.errors import TableError

if TYPE_CHECKING:
    from multilayer.reading.table_files import TableFile

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ROWS = re.compile(r"\brows? (\d+(?:, \d+)*)")
_MOST_PLACES = 3


class RowPlaces:
    """The files of a table that have been read so far, and how many rows each has.

    Rows are numbered through all files, from 1, as if these were one. What is said of a row is
    said with its file too. Of a table of one file there is nothing to add.
    """

    def __init__(self) -> None:
        self.files: list[TableFile] = []
        self._first_rows: list[int] = []  # of each file, from 0
        self.num_rows = 0

    def begin(self, file: "TableFile") -> None:
        """The next rows are of this file."""
        self.files.append(file)
        self._first_rows.append(self.num_rows)

    def add(self, num_rows: int) -> None:
        """Count rows of the file that was begun last."""
        self.num_rows += num_rows

    def take(self, other: "RowPlaces") -> None:
        """Become like another one, which a process has filled."""
        self.files, self._first_rows = other.files, other._first_rows
        self.num_rows = other.num_rows

    @property
    def rows_of_last_file(self) -> int:
        """Rows of the file that was begun last, so far."""
        return self.num_rows - self._first_rows[-1]

    def without_rows(self) -> list[str]:
        """The files that have no rows."""
        ends = [*self._first_rows[1:], self.num_rows]
        return [
            str(file.path)
            for file, start, end in zip(self.files, self._first_rows, ends, strict=True)
            if start == end
        ]

    def place_of(self, row: int) -> tuple[str, int] | None:
        """The file of a row, and its number there, both from 1; None: there is one file alone."""
        if not self.files or not 1 <= row <= self.num_rows:
            return None
        place = bisect_right(self._first_rows, row - 1) - 1
        return str(self.files[place].path), row - self._first_rows[place]

    def told(self, text: str) -> str:
        """A message about rows of the table, with their files."""
        found: list[tuple[int, str, int]] = []
        for match in _ROWS.finditer(_QUOTED.sub("", text)):
            for row in map(int, match[1].split(", ")):
                place = self.place_of(row)
                if place is not None and row not in [one for one, *_ in found]:
                    found.append((row, *place))
        if not found:
            return text
        listed = ", ".join(
            f"row {row} is row {of_file} of {path}" for row, path, of_file in found[:_MOST_PLACES]
        )
        return f"{text} ({listed})"

    @contextmanager
    def naming_files(self) -> Iterator[None]:
        """Name the files in errors about rows of the table."""
        try:
            yield
        except TableError as error:
            if type(error) is not TableError or (told := self.told(str(error))) == str(error):
                raise
            raise TableError(told) from error
