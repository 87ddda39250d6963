"""From a file to the rows that a network learns from, or is measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.column_kinds import infer_schema
from multilayer.data.dates import ISO, formats_of, moments_of
from multilayer.data.read_table import read_table
from multilayer.data.schema import ColumnKind, Schema, require_columns
from multilayer.data.table_format import TableFormat
from multilayer.data.target_values import is_present, target_array
from multilayer.data.text_numbers import numbers_of
from multilayer.errors import TableError
from multilayer.estimators.table_rows import TableRows

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of a table are for, apart from what is inferred.

    Args:
        target: columns to be predicted.
        weight: says how much each row counts, and is no input.
        group_by: rows of one value are never on both sides of a division; no input.
        time_column: the latest rows are the ones held out; it stays an input.
        categorical: columns that are categories, whatever they look like.
        drop: columns to leave out.
        as_kind: other kinds, by column.
        table_format: how the file is written.
    """

    target: tuple[str, ...]
    weight: str | None = None
    group_by: str | None = None
    time_column: str | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    as_kind: Mapping[str, ColumnKind] = field(default_factory=dict)
    table_format: TableFormat = field(default_factory=TableFormat)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are named and are no inputs."""
        named = (*self.target, self.weight, self.group_by)
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True, eq=False)
class TableSource:
    """Rows of a file whose target is there.

    Attributes:
        rows: the rows, with their numbers in the file, from 0.
        num_without_target: rows that were left out.
        schema: of the inputs, with the warnings a person should see.
    """

    rows: TableRows
    num_without_target: int
    schema: Schema

    @property
    def num_rows(self) -> int:
        """Rows with a target."""
        return len(self.rows)


def read_rows(
    path: str | Path, roles: ColumnRoles, *, is_strict: bool = False, schema: Schema | None = None
) -> TableSource:
    """Read a file to learn from.

    Args:
        path: a file that `read_table` takes.
        roles: of its columns.
        is_strict: a row without target is an error.
        schema: of another file, which this one is to fit; None: inferred.

    Raises:
        TableError: the file cannot be read, a named column is not in it, no row has a target, or
            some have none and `is_strict`.
    """
    frame = read_table(path, table_format=roles.table_format)
    others = [n for n in (roles.weight, roles.group_by, roles.time_column) if n is not None]
    require_columns([*roles.target, *others], frame.columns, str(path))
    numbers, targets = _with_target(frame, roles.target, str(path), is_strict)
    num_without = len(frame) - len(numbers)
    if num_without:
        frame = frame[numbers]
    if schema is None:
        no_inputs = tuple(n for n in (roles.weight, roles.group_by) if n and n not in roles.drop)
        schema = infer_schema(
            frame,
            roles.target,
            categorical=roles.categorical,
            drop=(*roles.drop, *no_inputs),
            as_kind=roles.as_kind,
        )
    rows = TableRows(
        frame.drop(roles.columns),
        targets,
        None if roles.weight is None else _weights(frame[roles.weight], str(path)),
        None if roles.group_by is None else _ranks(frame[roles.group_by]),
        None if roles.time_column is None else _times(frame[roles.time_column], str(path)),
        numbers,
    )
    return TableSource(rows, num_without, schema)


def _with_target(
    frame: "pl.DataFrame", target: Sequence[str], source: str, is_strict: bool
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    columns = frame[target[0]] if len(target) == 1 else frame.select(target)
    is_there = is_present(columns)
    names = ", ".join(map(repr, target))
    if is_strict and not is_there.all():
        raise TableError(
            f"target {names} of {source} is missing in {(~is_there).sum():,} of "
            f"{len(frame):,} rows, first in row {int(np.argmin(is_there)) + 1}"
        )
    if not is_there.any():
        raise TableError(f"no row of {source} has a target {names}")
    return np.flatnonzero(is_there), target_array(columns)[is_there]


def _weights(series: "pl.Series", source: str) -> NDArray[np.float64]:
    numbers = numbers_of(series, source)
    if numbers.null_count():
        row = int(numbers.is_null().arg_max() or 0) + 1
        raise TableError(f"weight {series.name!r} of {source} is missing in row {row}")
    return numbers.to_numpy().astype(np.float64)


def _ranks(series: "pl.Series") -> NDArray[np.int64]:
    """Numbers in the order of the values; 0 for those that are missing."""
    import polars as pl

    ranks: NDArray[np.int64] = series.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return ranks


def _times(series: "pl.Series", source: str) -> NDArray[np.int64]:
    import polars as pl

    if series.dtype == pl.String:
        formats = formats_of(series)
        if len(formats) > 1:
            raise TableError(
                f"time column {series.name!r} of {source} holds dates in which day and month "
                "cannot be told apart; write them as 2024-01-31"
            )
        series = moments_of(series, formats[0] if formats else ISO, source)
    if series.null_count():
        row = int(series.is_null().arg_max() or 0) + 1
        raise TableError(f"time column {series.name!r} of {source} is missing in row {row}")
    return _ranks(series)
