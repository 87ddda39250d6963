"""The flags that say how a table's file is written."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.reading.table_format import TableFormat


def _help(text: str) -> Parameter:
    return Parameter(help=text, negative="", allow_leading_hyphen=True)


@dataclass(frozen=True)
class FormatFlags:
    """How a table's file is written; what is left out is found out from the file."""

    delimiter: Annotated[
        str | None, _help("in CSV, the sign between fields, such as ';', '\\t' or ' '")
    ] = None
    encoding: Annotated[
        str | None, _help("in CSV and JSON, such as windows-1252; left out: Unicode")
    ] = None
    skip_rows: Annotated[
        int, _help("in CSV and worksheets, lines before the one that names the columns")
    ] = 0
    comment: Annotated[
        str | None, _help("in CSV, what lines to be left out begin with, such as '#'")
    ] = None
    sheet: Annotated[str | None, _help("of a workbook, the worksheet's name or number")] = None

    quoted_lines: Annotated[
        bool, _help("in CSV, quoted fields may hold lines that look like rows")
    ] = False

    def table_format(self) -> "TableFormat":
        """The flags as `read_table` takes them.

        Raises:
            SettingsError: one of them is impossible.
        """
        from multilayer.reading.table_format import TableFormat

        return TableFormat(
            self.delimiter, self.encoding, self.skip_rows, self.comment, self.sheet,
            self.quoted_lines,
        )  # fmt: skip

    def given_format(self) -> "TableFormat | None":
        """`table_format`, or None where no flag is given."""
        is_given = any(self.format_by_flag().values())
        return self.table_format() if is_given else None

    def format_by_flag(self) -> dict[str, Any]:
        """The flags that are given, by their names on the command line."""
        return {
            f"--{one.name.replace('_', '-')}": getattr(self, one.name)
            for one in fields(FormatFlags)
            if getattr(self, one.name) != one.default
        }

    def require_none_for_images(self) -> None:
        """Refuse flags for tables beside a model of images.

        Raises:
            SettingsError: one is given.
        """
        for name in self.format_by_flag():
            raise SettingsError(f"{name} is for tables; this model labels images")
