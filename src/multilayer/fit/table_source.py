"""From a file to the rows that a network learns from, or is measured on."""

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.dates import DATE_FORMATS, ISO, formats_of, moments_of
from multilayer.columns.find_numbers import find_numbers
from multilayer.columns.kinds import judge_columns, typed_frame
from multilayer.columns.labels import rows_in_words
from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import Schema, require_columns
from multilayer.columns.text_numbers import with_numbers_found
from multilayer.encoding.targets import Targets
from multilayer.errors import DataWarning, TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.row_reader import RowReader
from multilayer.fit.rows import Rows
from multilayer.fit.table_size import require_memory_for_all
from multilayer.reading.byte_stream import source_name
from multilayer.reading.table import read_table

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class TableSource:
    """Rows of a file whose target is there.

    Attributes:
        rows: the rows, with their numbers in the file, from 0.
        left_out: rows that were left out, and why.
        schema: of the inputs, with the warnings a person should see.
        number_types: for each target the type of number that its text stands for; None: labels, or
            numbers already.
        notes: what a person should know of the rows, a sentence each.
    """

    rows: Rows
    left_out: LeftOut
    schema: Schema
    number_types: tuple[str | None, ...]
    notes: tuple[str, ...]

    @property
    def num_rows(self) -> int:
        """Rows with a target."""
        return len(self.rows)

    @property
    def num_without_target(self) -> int:
        """Rows that were left out because their target is missing."""
        return self.left_out.num_without_target


def read_rows(
    path: str | Path,
    roles: ColumnRoles,
    *,
    is_strict: bool = False,
    schema: Schema | None = None,
    number_types: Sequence[str | None] | None = None,
) -> TableSource:
    """Read a file to learn from, or one that is to fit a model.

    Its text stays text until rows without a target are left out and what the user says of the
    columns is known; then each column is of the kind that its remaining rows show, or that the
    schema says.

    Args:
        path: a file that `read_table` takes.
        roles: of its columns.
        is_strict: a row without target is an error.
        schema: of another file, which this one is to fit; None: inferred.
        number_types: for each target, of another file likewise; None: what the rows show.

    Raises:
        TableError: the file cannot be read, a named column is not in it, no row has a target, or
            some have none and `is_strict`.
    """
    import polars as pl

    require_memory_for_all(path)
    unread: list[str] = []
    table = read_table(path, as_text=True, table_format=roles.table_format, left_out=unread)
    roles = roles.without(unread)
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
        raise TableError(f"{path} has 1 row to learn from; at least 2 are needed")
    if not schema.inputs:
        raise TableError(f"no column is left of {path} that a network can learn from")
    rows = Rows(
        table.drop(roles.columns),
        found.targets,
        found.weights,
        None if roles.group_by is None else _ranks(special[roles.group_by]),
        None
        if roles.time_column is None
        else _times(special[roles.time_column], source_name(path), numbers, roles),
        numbers,
    )
    return TableSource(rows, found.left_out, schema, reader.number_types, notes)


def require_varied(targets: Targets) -> None:
    """Refuse numbers that are the same in every row.

    Raises:
        TableError: one of the targets is.
    """
    scale = targets.scale
    for name, low, high in zip(targets.names, scale.lowest, scale.highest, strict=False):
        if low == high:
            raise TableError(
                f"the target {name!r} is {low:g} in every row; there is nothing to learn"
            )


def warn_of(notes: Sequence[str]) -> None:
    """Warn of each note, which the command line prints."""
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=3)


def typed_table(
    table: "pl.DataFrame",
    numbers: NDArray[np.int64],
    roles: ColumnRoles,
    schema: Schema | None,
    source: str,
) -> tuple[Schema, "pl.DataFrame"]:
    """Settle the kinds of columns, and read their text as numbers where they are numeric.

    Args:
        table: rows with targets; their text as it is in the file.
        numbers: of these rows in the file, from 0.
        roles: of the columns.
        schema: of another file, which these rows are to fit; None: inferred.
        source: what errors call the table.

    Raises:
        TableError: a column is not there, or holds what does not fit its kind.
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
    """The dates read as the schema says, so that an error names the row as the file has it."""
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


def _notes_of_roles(
    special: "pl.DataFrame", roles: ColumnRoles, weights: NDArray[np.float64] | None
) -> tuple[str, ...]:
    """What a person should know of rows without a group, or of weight 0."""
    notes = []
    if roles.group_by is not None and special[roles.group_by].null_count():
        num = rows_in_words(special[roles.group_by].null_count())
        notes.append(f"{num} without a value of {roles.group_by!r} count as one group together")
    num_zero = 0 if weights is None else int((weights == 0).sum())
    return (*notes, *notes_of_weights(num_zero))


def notes_of_weights(num_zero: int) -> tuple[str, ...]:
    """What a person should know of so many rows of weight 0."""
    return (f"{rows_in_words(num_zero)} of weight 0 count for nothing",) if num_zero else ()


def _ranks(series: "pl.Series") -> NDArray[np.int64]:
    """Numbers in the order of the values; 0 for those that are missing."""
    import polars as pl

    ranks: NDArray[np.int64] = series.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return ranks


def _times(
    series: "pl.Series", source: str, numbers: NDArray[np.int64], roles: ColumnRoles
) -> NDArray[np.int64]:
    """Ranks by time of rows with these numbers in the file, from 0."""
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
                "cannot be told apart; write them as 2024-01-31, or say --as "
                f"{shlex.quote(f'{series.name}=date:{formats[0]}')}"
            )
        series = moments_of(series, formats[0] if formats else ISO, source)
    if series.null_count():
        row = int(numbers[series.is_null().arg_max() or 0]) + 1
        raise TableError(f"time column {series.name!r} of {source} is missing in row {row}")
    return _ranks(series)
