"""Read training or validation rows from a file."""

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import rows_in_words
from multilayer.columns.dates import DATE_FORMATS, ISO, formats_of, moments_of
from multilayer.columns.find_numbers import find_numbers
from multilayer.columns.kinds import judge_columns, typed_frame
from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import Schema, require_columns
from multilayer.columns.text_numbers import with_numbers_found
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.row_reader import RowReader
from multilayer.encoding.targets import Targets
from multilayer.errors import DataWarning, TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.rows import Rows
from multilayer.fit.table_size import require_memory_for_all
from multilayer.reading.byte_stream import source_name
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table import read_table

if TYPE_CHECKING:
    import polars as pl

_MOST_SHOWN = 3  # columns that are no features, in a message


@dataclass(frozen=True, eq=False)
class TableSource:
    """Rows of a table that have a target.

    Attributes:
        rows: the rows, with their numbers in the table, from 0.
        left_out: rows that were dropped, and why.
        schema: of the input columns, with its warnings.
        number_types: for each target the polars type that its text is parsed as; None: labels, or
            numbers already.
        notes: warnings about the rows, a sentence each.
        places: which rows are of which file, if the table has many.
    """

    rows: Rows
    left_out: LeftOut
    schema: Schema
    number_types: tuple[str | None, ...]
    notes: tuple[str, ...]
    places: RowPlaces = field(default_factory=RowPlaces)

    @property
    def num_rows(self) -> int:
        """Rows with a target."""
        return len(self.rows)

    @property
    def num_without_target(self) -> int:
        """Rows dropped because their target is missing."""
        return self.left_out.num_without_target


def read_rows(
    path: str | Path,
    roles: ColumnRoles,
    *,
    is_strict: bool = False,
    schema: Schema | None = None,
    number_types: Sequence[str | None] | None = None,
) -> TableSource:
    """Read training rows, or rows that must match the schema of others.

    Values stay text until rows without a target are dropped; then the kind of each column is
    inferred from the remaining rows, or taken from the schema.

    Args:
        path: as `read_table` takes it.
        roles: of its columns.
        is_strict: a row without target is an error.
        schema: the schema to match; None: inferred.
        number_types: for each target, the type to parse it as; None: inferred.

    Raises:
        TableError: the file cannot be read, a named column is missing, no row has a target, or
            some rows have none and `is_strict`.
    """
    require_memory_for_all(path)
    unread: list[str] = []
    places = RowPlaces()
    points = ThousandsPoints.of(schema) if schema else ThousandsPoints.told(roles.values)
    table = read_table(
        path, as_text=True, table_format=roles.table_format, left_out=unread, points=points,
        places=places,
    )  # fmt: skip
    with places.naming_files():
        found = _read_rows(
            path, table, roles.without(unread), is_strict=is_strict, schema=schema,
            number_types=number_types,
        )  # fmt: skip
    warned = tuple(map(places.told, found.schema.warnings))
    told = (
        found.schema if warned == found.schema.warnings else replace(found.schema, warnings=warned)
    )
    return replace(found, schema=told, notes=tuple(map(places.told, found.notes)), places=places)


def _read_rows(
    path: str | Path,
    table: "pl.DataFrame",
    roles: ColumnRoles,
    *,
    is_strict: bool,
    schema: Schema | None,
    number_types: Sequence[str | None] | None,
) -> TableSource:
    """`read_rows` of a table that has been read; rows are numbered through all files."""
    import polars as pl

    others = [n for n in (roles.weight, roles.group_by, roles.time_column) if n is not None]
    require_columns([*roles.target, *others], table.columns, source_name(path))
    reader = RowReader(
        roles.target, tuple(number_types or ()), roles.weight, source_name(path), is_strict,
        roles.values, has_weight_zero=True,
    )  # fmt: skip
    if number_types is None:
        reader = reader.judging(table)
    elif schema is not None:
        reader = reader.following(schema.target_formats)
    found = reader.read(table, 1)
    numbers = found.numbers
    notes = (*found.left_out.notes(roles.target, source_name(path)), *reader.doubts)
    if len(numbers) == 0:
        raise TableError(
            f"no row of {path} has a target {', '.join(map(repr, roles.target))}"
            + "".join(f"; {note}" for note in notes)
        )
    if len(numbers) < len(table):
        table = table[numbers]
    special = table.select(others).with_columns(pl.col(pl.Categorical).cast(pl.String))
    special = with_numbers_found(special)
    notes += _notes_of_roles(special, roles, found.weights)
    settled = schema is not None
    schema, table = typed_table(table, numbers, roles, schema, source_name(path))
    if not settled:
        schema = replace(schema, target_formats=reader.number_formats)
    if not schema.inputs and len(numbers) == 1:
        raise TableError(f"{path} has 1 row to train on; at least 2 are needed")
    if not schema.inputs:
        raise TableError(
            f"{path} has no feature columns left to train on{_columns_left_out(schema)}"
        )
    rows = Rows(
        table.drop(roles.columns),
        found.targets,
        found.weights,
        None if roles.group_by is None else _groups(special[roles.group_by]),
        None
        if roles.time_column is None
        else _times(special[roles.time_column], source_name(path), numbers, roles),
        numbers,
    )
    return TableSource(rows, found.left_out, schema, reader.number_types, notes)


def require_varied(targets: Targets) -> None:
    """Reject constant targets of a regression.

    Raises:
        TableError: a target is the same in every row.
    """
    scale = targets.scale
    for name, low, high in zip(targets.names, scale.lowest, scale.highest, strict=False):
        if low == high:
            raise TableError(
                f"the target {name!r} is {low:g} in every row; there is nothing to learn"
            )


def warn_of(notes: Sequence[str]) -> None:
    """Issue each note as a `DataWarning`, which the command line prints."""
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=3)


def typed_table(
    table: "pl.DataFrame",
    numbers: NDArray[np.int64],
    roles: ColumnRoles,
    schema: Schema | None,
    source: str,
) -> tuple[Schema, "pl.DataFrame"]:
    """Infer the kinds of columns, and parse the text of numeric ones.

    Args:
        table: rows with targets; text unparsed.
        numbers: of these rows in the file, from 0.
        roles: of the columns.
        schema: the schema to match; None: inferred.
        source: the table's name in error messages.

    Raises:
        TableError: a column is missing, or holds a value that does not fit its kind.
    """
    if schema is not None:
        table = typed_frame(table, schema, source, row_numbers=numbers + 1)
        return schema, _with_moments(table, schema, source, numbers)
    no_inputs = tuple(n for n in (roles.weight, roles.group_by) if n and n not in roles.drop)
    return judge_columns(
        table,
        roles.target,
        categorical=roles.categorical,
        drop=(*roles.drop, *no_inputs),
        as_kind=roles.as_kind,
        value_format=roles.values,
        row_numbers=numbers + 1,
    )


def _with_moments(
    table: "pl.DataFrame", schema: Schema, source: str, numbers: NDArray[np.int64]
) -> "pl.DataFrame":
    """Parse dates in the schema's formats; an error names the row number in the file."""
    import polars as pl

    made = []
    for column in schema.inputs:
        if column.kind != "date" or table.schema.get(column.name) != pl.String:
            continue
        date_format, text = column.date_format or ISO, table[column.name]
        missing = () if column.number_format is None else column.number_format.missing
        try:
            made.append(moments_of(text, date_format, source, 1, missing))
        except TableError:
            nulls = pl.Series(text.name, [None], text.dtype)
            every = nulls.new_from_index(0, int(numbers[-1]) + 1).scatter(numbers, text)
            moments_of(every, date_format, source, 1, missing)
            raise
    return table.with_columns(made) if made else table


def _columns_left_out(schema: Schema) -> str:
    """Why no column is a feature, after a message that says so."""
    left_out = [f"{column.name!r} ({column.kind}: {column.reason})" for column in schema.columns]
    if not left_out:
        return ": there is no column beside the target"
    more = len(left_out) - _MOST_SHOWN
    return ": " + ", ".join(left_out[:_MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _notes_of_roles(
    special: "pl.DataFrame", roles: ColumnRoles, weights: NDArray[np.float64] | None
) -> tuple[str, ...]:
    """Notes on rows without a group, and on rows of weight 0."""
    notes = []
    if roles.group_by is not None and special[roles.group_by].null_count():
        num = rows_in_words(special[roles.group_by].null_count())
        notes.append(f"{num} without a value of {roles.group_by!r} count as one group together")
    num_zero = 0 if weights is None else int((weights == 0).sum())
    return (*notes, *notes_of_weights(num_zero))


def notes_of_weights(num_zero: int) -> tuple[str, ...]:
    """The note that rows of weight 0 are ignored, if there are any."""
    return (f"{rows_in_words(num_zero)} of weight 0 are ignored",) if num_zero else ()


def _groups(series: "pl.Series") -> NDArray[np.int64]:
    """The number of each row's group; texts count as labels do, without spaces around them."""
    import polars as pl

    is_text = series.dtype == pl.String
    return _ranks(series.str.strip_chars().str.normalize("NFC") if is_text else series)


def _ranks(series: "pl.Series") -> NDArray[np.int64]:
    """Dense ranks of the values; 0 where missing."""
    import polars as pl

    ranks: NDArray[np.int64] = series.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return ranks


def _times(
    series: "pl.Series", source: str, numbers: NDArray[np.int64], roles: ColumnRoles
) -> NDArray[np.int64]:
    """Dense ranks of the rows by time; `numbers` are their row numbers in the file, from 0."""
    import polars as pl

    told = roles.as_kind.get(series.name, "").removeprefix("date:")
    written = None
    if series.dtype == pl.String and told not in DATE_FORMATS:
        written = find_numbers(series, roles.values)
    if written is not None and written.are_numbers and not written.strays:
        series = written.numbers.alias(series.name)
    elif series.dtype == pl.String:
        formats = [told] if told in DATE_FORMATS else formats_of(series)
        if len(formats) > 1:
            raise TableError(
                f"time column {series.name!r} of {source} holds dates in which day and month "
                "cannot be told apart; write them as 2024-01-31, or pass --as "
                f"{shlex.quote(f'{series.name}=date:{formats[0]}')}"
            )
        series = moments_of(series, formats[0] if formats else ISO, source)
    if series.null_count():
        row = int(numbers[series.is_null().arg_max() or 0]) + 1
        raise TableError(f"time column {series.name!r} of {source} is missing in row {row}")
    return _ranks(series)
