"""How a table's file is written, as far as its content does not say."""

import codecs
import re
from dataclasses import dataclass

from multilayer.errors import SettingsError

# What may stand between fields: a sign of ASCII that begins no line and no quoted field.
_SIGNS = "".join(map(chr, range(1, 128))).translate(str.maketrans("", "", '"\r\n'))
_NAMED_DELIMITERS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";"}


@dataclass(frozen=True)
class TableFormat:
    r"""How a table's file is written; what is left out is found out from the file.

    Args:
        delimiter: Of CSV: one sign of ASCII; `\t` and "tab" are the tab, "space" is the space.
            None: comma, semicolon, tab or bar, whichever fits.
        encoding: Of CSV and JSON, such as "windows-1252"; None: UTF-8, UTF-16 or UTF-32 with a byte
            order mark, or UTF-16 without one.
        skip_rows: Lines of a CSV, or rows of a worksheet, before the one that names the columns.
        comment: Lines of a CSV that begin with this text are left out.
        sheet: Worksheet of a workbook, by its name or its number, from 1; None: the only one that
            is not empty.
        quoted_lines: Quoted fields of a CSV may hold lines that look like rows of the table; if
            not, they are taken for rows that a stray quote swallows, which is an error.

    Raises:
        SettingsError: one of them is impossible.
    """

    delimiter: str | None = None
    encoding: str | None = None
    skip_rows: int = 0
    comment: str | None = None
    sheet: str | int | None = None
    quoted_lines: bool = False

    def __post_init__(self) -> None:
        """Check, and bring the delimiter and the sheet's number to one form."""
        if self.delimiter is not None:
            delimiter = _NAMED_DELIMITERS.get(self.delimiter, self.delimiter)
            if len(delimiter) != 1 or delimiter not in _SIGNS:
                raise SettingsError(
                    f"a delimiter is a single sign of ASCII, or \\t for the tab, not {delimiter!r}"
                )
            object.__setattr__(self, "delimiter", delimiter)
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if (
            not isinstance(self.skip_rows, int)
            or isinstance(self.skip_rows, bool)
            or self.skip_rows < 0
        ):
            raise SettingsError(
                f"--skip-rows is a number of lines, 0 or more, not {self.skip_rows!r}"
            )
        if self.comment is not None and (
            not self.comment.isprintable() or not self.comment.strip() or '"' in self.comment
        ):
            raise SettingsError(
                f"--comment is what lines to be left out begin with, such as #, "
                f"not {self.comment!r}"
            )
        if isinstance(self.sheet, str):
            if not self.sheet:
                raise SettingsError("--sheet is the name or the number of a worksheet, not ''")
            if re.fullmatch("[0-9]{1,6}", self.sheet):
                object.__setattr__(self, "sheet", int(self.sheet))
        if isinstance(self.sheet, bool) or self.sheet == 0:
            raise SettingsError(f"worksheets are counted from 1; there is no sheet {self.sheet!r}")


def _check_encoding(name: str) -> None:
    try:
        is_text = codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError, UnicodeError):
        is_text = False
    if not is_text:
        raise SettingsError(
            f"--encoding {name!r} is unknown; usual ones are windows-1252, latin1, utf-16 and utf-8"
        )
