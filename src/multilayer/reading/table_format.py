"""Options for reading a table's file."""

import codecs
import re
from dataclasses import dataclass

from multilayer.errors import SettingsError

# Allowed delimiters: ASCII without quote and line ends.
_SIGNS = "".join(map(chr, range(1, 128))).translate(str.maketrans("", "", '"\r\n'))
_NAMED_DELIMITERS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";"}


@dataclass(frozen=True)
class TableFormat:
    r"""Options for reading a table's file; None means detected from the file.

    Args:
        delimiter: Of CSV: one ASCII character; `\t` and "tab" are the tab, "space" is the space.
            None: comma, semicolon, tab or bar, whichever fits.
        encoding: Of CSV and JSON, such as "windows-1252". None: detected UTF-16 or UTF-32,
            otherwise UTF-8.
        skip_rows: Lines of a CSV, or rows of a worksheet, before the header.
        comment: Lines of a CSV that begin with this text are skipped.
        sheet: Worksheet by name or by number, from 1; None: the first one that is not empty.
        quoted_lines: Whether quoted fields of a CSV may hold lines that look like rows; if not,
            such lines are an error, since a stray quote usually causes them.

    Raises:
        SettingsError: a value is invalid.
    """

    delimiter: str | None = None
    encoding: str | None = None
    skip_rows: int = 0
    comment: str | None = None
    sheet: str | int | None = None
    quoted_lines: bool = False

    def __post_init__(self) -> None:
        """Validate, and normalize the delimiter and the sheet number."""
        if self.delimiter is not None:
            delimiter = _NAMED_DELIMITERS.get(self.delimiter, self.delimiter)
            if len(delimiter) != 1 or delimiter not in _SIGNS:
                raise SettingsError(
                    "--delimiter must be one ASCII character, or \\t for the tab, "
                    f"not {delimiter!r}"
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
                f"--skip-rows must be a number of lines, 0 or more, not {self.skip_rows!r}"
            )
        if self.comment is not None and (
            not self.comment.isprintable() or not self.comment.strip() or '"' in self.comment
        ):
            raise SettingsError(
                f"--comment must be what comment lines begin with, such as #, not {self.comment!r}"
            )
        if isinstance(self.sheet, str):
            if not self.sheet:
                raise SettingsError("--sheet must be the name or number of a worksheet, not ''")
            if re.fullmatch("[0-9]{1,6}", self.sheet):
                object.__setattr__(self, "sheet", int(self.sheet))
        if isinstance(self.sheet, bool) or self.sheet == 0:
            raise SettingsError(
                f"--sheet is a name, or a number counted from 1, not {self.sheet!r}"
            )


def _check_encoding(name: str) -> None:
    try:
        is_text = codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError, UnicodeError):
        is_text = False
    if not is_text:
        raise SettingsError(
            f"--encoding {name!r} is unknown; usual ones are windows-1252, latin1, utf-16 and utf-8"
        )
