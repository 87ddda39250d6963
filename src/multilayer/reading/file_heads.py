"""One schema over all files of a table, checked before their rows are read."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from multilayer.columns.schema import enumerated
from multilayer.errors import DataWarning, TableError
from multilayer.reading.byte_stream import is_compressed
from multilayer.reading.columnar import ColumnarFile, read_columnar_files
from multilayer.reading.one_file import FileKind, Reading, kind_of_file, read_file_pieces
from multilayer.reading.table_files import TableFile

if TYPE_CHECKING:
    import polars as pl

_HEAD_BYTES = 2**16  # of text, in which the columns are looked for


@dataclass(frozen=True)
class TableHead:
    """What all files of a table have in common.

    Attributes:
        kind: their format.
        is_plain: whether none of them is compressed.
        names: their columns, without those that the names of folders give; of one file, none.
        number_types: the polars type of each column of numbers, in Parquet and Arrow files.
    """

    kind: FileKind
    is_plain: bool
    names: tuple[str, ...]
    number_types: tuple[tuple[str, str], ...] = ()

    def settled(self, frame: "pl.DataFrame", file: TableFile) -> "pl.DataFrame":
        """A piece of a file with the table's columns, in their order.

        Raises:
            TableError: the file has other columns than it had at first.
        """
        import polars as pl

        if not self.names:
            return frame
        if set(frame.columns) != set(self.names):
            if self.kind != "JSON":
                raise TableError(f"{file.path} was changed while it was read; start again")
            new = [name for name in frame.columns if name not in self.names]
            frame = frame.with_columns(
                pl.lit(None, pl.String).alias(name)
                for name in self.names
                if name not in frame.columns
            ).select(*self.names, *new)
        else:
            frame = frame.select(self.names)
        return frame.with_columns(
            *(pl.col(name).cast(getattr(pl, kind)) for name, kind in self.number_types),
            *(pl.lit(value, pl.String).alias(key) for key, value in file.values),
        )


def common_head(files: Sequence[TableFile], reading: Reading) -> TableHead:
    """The columns of all files of a table.

    Args:
        files: at least one.
        reading: how they are read.

    Raises:
        TableError: a file cannot be read; two files differ in their format, in the names or kinds
            of their columns, or in the delimiter of CSV; the error names both.
    """
    kinds = [kind_of_file(file.path, reading.table_format) for file in files]
    for file, kind in zip(files, kinds, strict=True):
        if kind == "workbook":
            raise TableError(
                f"{file.path} is a workbook; save each of several files of one table as CSV"
            )
        if kind != kinds[0]:
            raise TableError(
                f"{files[0].path} is {kinds[0]} and {file.path} is {kind}; all files of a table "
                "must have one format (a pattern such as 'FOLDER/*.csv' names some of them)"
            )
    is_plain = not any(is_compressed(file.path) for file in files)
    layouts = reading.layouts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # they come again when the rows are read
        heads = list(_heads(files, kinds[0], is_plain, reading))
    if kinds[0] == "CSV" and len(heads[0].columns) > 1:
        _require_one_delimiter(files, [layout.delimiter for layout in layouts])
    names = _common_names(files, heads, kinds[0])
    for file in files:
        for key, _ in file.values:
            if key in names:
                raise TableError(
                    f"column {key!r} is in {file.path} and in the name of its folder too; remove "
                    "one of them"
                )
    number_types = () if kinds[0] in ("CSV", "JSON") else _number_types(files, heads)
    return TableHead(kinds[0], is_plain, names, number_types)


def _heads(
    files: Sequence[TableFile], kind: FileKind, is_plain: bool, reading: Reading
) -> "Iterator[pl.DataFrame]":
    """A frame of each file that has its columns."""
    if kind in ("Parquet", "Arrow") and is_plain:
        yield from _columnar_heads(tuple(files), kind)
        return
    begin = replace(reading, rows_at_once=1000, text_bytes=_HEAD_BYTES, left_out=[], typed=None)
    for file in files:
        yield next(read_file_pieces(file.path, begin))


@lru_cache(maxsize=4)  # a table is read several times; the files' traits are part of the key
def _columnar_heads(files: tuple[TableFile, ...], kind: FileKind) -> "list[pl.DataFrame]":
    parts = [ColumnarFile(file.path, range(0)) for file in files]
    return [frame for _, frame in read_columnar_files(parts, kind == "Parquet", 1)]


def _require_one_delimiter(files: Sequence[TableFile], delimiters: Sequence[str]) -> None:
    for file, delimiter in zip(files, delimiters, strict=True):
        if delimiter != delimiters[0]:
            raise TableError(
                f"the fields of {files[0].path} are separated by {delimiters[0]!r}, those of "
                f"{file.path} by {delimiter!r}; files of one table must be written alike, or "
                "numbers such as 1.234 may mean another thing in each"
            )


def _common_names(
    files: Sequence[TableFile], heads: "Sequence[pl.DataFrame]", kind: FileKind
) -> tuple[str, ...]:
    if kind == "JSON":  # whose objects may lack fields
        names = tuple(dict.fromkeys(name for head in heads for name in head.columns))
        for name in names:
            lacking = [
                file for file, head in zip(files, heads, strict=True) if name not in head.columns
            ]
            if lacking:
                more = f" and of {len(lacking) - 1:,} more files" if len(lacking) > 1 else ""
                warnings.warn(
                    f"no object at the beginning of {lacking[0].path}{more} has a field {name!r}, "
                    "which is missing there",
                    DataWarning,
                    stacklevel=4,
                )
        return names
    names = tuple(heads[0].columns)
    for file, head in zip(files, heads, strict=True):
        lacks = [repr(name) for name in names if name not in head.columns]
        besides = [repr(name) for name in head.columns if name not in names]
        what = [f"lacks {enumerated(lacks)}"] if lacks else []
        what += [f"has {enumerated(besides)} besides"] if besides else []
        if what:
            raise TableError(
                f"{file.path} has other columns than {files[0].path}: it {' and '.join(what)}; all "
                "files of a table must have the same"
            )
    return names


def _number_types(
    files: Sequence[TableFile], heads: "Sequence[pl.DataFrame]"
) -> tuple[tuple[str, str], ...]:
    """The type of each column of numbers; columns of other kinds keep theirs."""
    import polars as pl

    types: list[tuple[str, str]] = []
    for name in heads[0].columns:
        known: tuple[str, TableFile] | None = None
        columns = []
        for file, head in zip(files, heads, strict=True):
            dtype = head.schema[name]
            if dtype == pl.Null:
                continue
            kind = _kind_of(dtype)
            if known is None:
                known = kind, file
            elif kind != known[0]:
                raise TableError(
                    f"column {name!r} holds {known[0]} in {known[1].path} and {kind} in "
                    f"{file.path}; all files of a table must have the same kind"
                )
            columns.append(pl.Series(name, [], dtype).to_frame())
        if known is not None and known[0] == "numbers":
            dtypes = {one.schema[name] for one in columns}
            dtype = (
                dtypes.pop()
                if len(dtypes) == 1
                else pl.concat(columns, how="vertical_relaxed").schema[name]
            )
            types.append((name, str(dtype)))
            if dtype.is_float() and not all(one.schema[name].is_float() for one in columns):
                warnings.warn(
                    f"column {name!r} holds whole numbers in some files and fractions in others; "
                    "all are read as fractions",
                    DataWarning,
                    stacklevel=4,
                )
    return tuple(types)


def _kind_of(dtype: "pl.DataType") -> str:
    import polars as pl

    if dtype.is_numeric():
        return "numbers"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype == pl.Boolean:
        return "true and false"
    return "dates" if dtype == pl.Date else f"{type(dtype).__name__.lower()}s"
