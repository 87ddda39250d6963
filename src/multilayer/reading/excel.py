"""Read worksheets of Excel and OpenDocument workbooks as frames of text columns."""

import datetime
import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from multilayer.columns.thousands_points import ThousandsPoints, TypedNumbers
from multilayer.errors import DataWarning, MissingExtraError, TableError
from multilayer.reading.byte_stream import largest_whole_bytes
from multilayer.reading.table_format import TableFormat

if TYPE_CHECKING:
    import polars as pl

_SHEETS_NAMED = 8


def read_excel(
    content: bytes, source: str, table_format: TableFormat, points: ThousandsPoints | None = None
) -> "pl.DataFrame":
    """Read a worksheet; columns are text, null where a cell is empty; numbers of `points` float64.

    Empty rows and columns are skipped; the first other row is the header. Formulas have their saved
    values; dates are written as 2024-01-31.

    Args:
        content: The workbook: .xlsx, .xlsm, .xlsb, .xls or .ods.
        source: Name of the file in errors.
        table_format: Which sheet, and how many rows to skip before the header.
        points: Columns in whose text a point may stand between thousands.

    Raises:
        MissingExtraError: python-calamine is not installed.
        TableError: it is not a workbook, is damaged or has no such sheet, the header has merged
            cells, two columns have the same name, or one holds numbers as well as text in which a
            point stands between thousands.
    """
    import polars as pl

    if content.startswith(b"PK"):
        _require_workbook(content, source)
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtraError(f"reading {source}", "python-calamine", "excel") from error
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        name = _sheet_name(workbook, source, table_format.sheet)
        sheet = workbook.get_sheet_by_name(name)
        rows = sheet.to_python(skip_empty_area=False)
        merged = getattr(sheet, "merged_cell_ranges", None) or []
    except TableError:
        raise
    except BaseException as error:  # a broken file can make the decoder panic
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        reason = " ".join(str(error).split())[:200]
        raise TableError(f"{source} cannot be read as a workbook: {reason}") from error
    first = table_format.skip_rows
    while first < len(rows) and not any(_text(cell) for cell in rows[first]):
        first += 1
    if first >= len(rows):
        raise TableError(f"sheet {name!r} of {source} is empty; a table begins with its columns")
    body = [row for row in rows[first + 1 :] if any(_text(cell) for cell in row)]
    places = [
        place
        for place in range(len(rows[first]))
        if _text(rows[first][place]) or any(_text(row[place]) for row in body)
    ]
    if any(start[0] <= first <= end[0] and start[1] != end[1] for start, end in merged):
        raise TableError(
            f"row {first + 1} of sheet {name!r} of {source} has merged cells; if the column names "
            "are below it, add --skip-rows"
        )
    header = [_text(rows[first][place]) or f"column_{place + 1}" for place in places]
    for place, column in enumerate(header):
        if column in header[:place]:
            raise TableError(f"two columns of {source} have the same name {column!r}")
    cells = {c: [row[place] for row in body] for c, place in zip(header, places, strict=True)}
    frame = pl.DataFrame(
        {name: map(_text, column) for name, column in cells.items()},
        schema=dict.fromkeys(header, pl.String),
    )
    numeric = [name for name, column in cells.items() if not any(map(_is_text, column))]
    typed = TypedNumbers(source, points or ThousandsPoints())
    return typed.settled(frame, numeric, lambda name: _fraction_of(cells[name]))


def _fraction_of(cells: list[Any]) -> str | None:
    """A number that is no integer; None: there is none."""
    return next((repr(c) for c in cells if isinstance(c, float) and not c.is_integer()), None)


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) and cell != ""


def _sheet_name(workbook: Any, source: str, sheet: str | int | None) -> str:
    names: list[str] = list(workbook.sheet_names)
    shown = ", ".join(map(repr, names[:_SHEETS_NAMED]))
    if isinstance(sheet, int) and 1 <= sheet <= len(names):
        return names[sheet - 1]
    if sheet is not None and str(sheet) in names:
        return str(sheet)
    if sheet is not None:
        raise TableError(f"{source} has no sheet {sheet!r}; it has {len(names)}: {shown}")
    filled = [name for name in names if workbook.get_sheet_by_name(name).to_python(nrows=1)]
    if not filled:
        raise TableError(f"{source} is empty")
    if len(filled) > 1:
        warnings.warn(
            f"{source} has {len(filled)} sheets; {filled[0]!r} is read; choose another with "
            f"--sheet: {shown}",
            DataWarning,
            stacklevel=5,
        )
    return filled[0]


def _require_workbook(content: bytes, source: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            num_bytes = sum(one.file_size for one in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise TableError(f"{source} is a damaged zip archive or workbook") from error
    if not any(name.startswith("xl/") for name in names) and "content.xml" not in names:
        raise TableError(f"{source} is a zip archive; unpack it and give the table inside")
    if num_bytes > largest_whole_bytes() // 4:
        raise TableError(
            f"{source} unpacks to {num_bytes:,} bytes, which do not fit in the memory of this "
            "machine"
        )


def _text(cell: Any) -> str | None:
    """A cell as CSV would write it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime):
        is_date = cell.time() == datetime.time()
        return cell.date().isoformat() if is_date else cell.isoformat(" ")
    return None if cell is None or str(cell) == "" else str(cell)
