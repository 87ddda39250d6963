"""Infer the schema of a table: the kind of each column."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import notes_on_categories
from multilayer.columns.bare_numbers import BareNumbers
from multilayer.columns.column_notes import Rows, units_row_note
from multilayer.columns.dates import DATE_FORMATS
from multilayer.columns.find_numbers import NumbersFound, find_numbers
from multilayer.columns.judging import (
    judged_index,
    judged_numbers,
    judged_text,
    judged_values,
    meaning_of,
    requested_date_format,
)
from multilayer.columns.missing import present_text
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.numbers_of_columns import numbers_of_columns
from multilayer.columns.schema import COLUMN_KINDS, Column, ColumnKind, Schema, require_columns
from multilayer.columns.target_leakage import suspected_leaks
from multilayer.columns.text_numbers import numbers_of, numbers_of_text
from multilayer.columns.value_format import ValueFormat, with_missing_told
from multilayer.errors import TableError, did_you_mean
from multilayer.fresh_process import elsewhere_after_fork

if TYPE_CHECKING:
    import polars as pl

_GIVEN = "given by the user"


def infer_schema(
    frame: "pl.DataFrame",
    target: str | Sequence[str] = (),
    *,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    as_kind: Mapping[str, str] | None = None,
    value_format: ValueFormat | None = None,
    row_numbers: NDArray[np.int64] | None = None,
) -> Schema:
    """Infer the kind of every column: the schema of `judge_columns`, which also types the frame.

    Examples:
        >>> from multilayer import as_frame, infer_schema
        >>> ages, cities = list(range(40)), ["Rome", "Oslo"] * 20
        >>> frame = as_frame({"age": ages, "city": cities, "y": [0, 1] * 20})
        >>> schema = infer_schema(frame, "y", categorical=["city"])
        >>> [(column.name, column.kind) for column in schema.inputs]
        [('age', 'numeric'), ('city', 'categorical')]
    """
    return judge_columns(
        frame, target, categorical=categorical, drop=drop, as_kind=as_kind,
        value_format=value_format, row_numbers=row_numbers,
    )[0]  # fmt: skip


@elsewhere_after_fork
def judge_columns(
    frame: "pl.DataFrame",
    target: str | Sequence[str] = (),
    *,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    as_kind: Mapping[str, str] | None = None,
    value_format: ValueFormat | None = None,
    row_numbers: NDArray[np.int64] | None = None,
) -> tuple[Schema, "pl.DataFrame"]:
    """Infer the kind of every column, text or typed.

    Numbers are numeric, including codes such as 1, 2, 3 unless listed in `categorical`. Text is
    boolean, a date, an identifier (nearly all values differ), free text, or else categorical.
    Identifiers, free text and constant columns are not used as inputs unless `as_kind` says so.

    Args:
        frame: From `as_frame` or `read_table`; preferably only the training set.
        target: Names of the target columns; the schema's columns do not include them.
        categorical: Names of columns to treat as categorical.
        drop: Names of columns to leave out.
        as_kind: Kinds by column name: numeric, categorical, boolean, date, or date:%d/%m/%Y for
            one of `dates.DATE_FORMATS`.
        value_format: How values are written, as set by the user.
        row_numbers: Row numbers in the file, from 1, for messages; None: 1, 2, 3, …

    Returns:
        The schema; and the frame, with numeric text columns converted to numbers.

    Raises:
        TableError: a name is not in the frame, is given two kinds, or a kind is unknown.
    """
    import polars as pl

    told_format = value_format or ValueFormat()
    targets = (target,) if isinstance(target, str) else tuple(target)
    told = _told_kinds(frame, targets, categorical, drop, as_kind or {})
    require_columns(targets, frame.columns, "the table")
    names = [name for name in frame.columns if name not in targets]
    frame = with_missing_told(frame, told_format.missing, tuple(names))
    types = frame.schema
    texts = [name for name in names if types[name] == pl.String and name not in told]
    found = numbers_of_columns(frame.select(texts).iter_columns(), told_format)
    rows, ranges = Rows(row_numbers), _ranges(frame.select(names))
    columns, warnings, numbers = [], [], []
    units: dict[str, str] = {}  # that stand in the first row
    for name in names:
        series, warning = frame[name], None
        if name in told:
            column, typed = _told_column(series, *told[name], told_format, rows)
        elif judged_index(name) is not None:
            column, typed = judged_index(name) or Column(name, "identifier", ""), None
            warning = f"column {name!r} is the index of a pandas frame and is not used"
        elif series.dtype == pl.Categorical:
            meaning = meaning_of(series.cast(pl.String).drop_nulls().unique().to_list())
            reason = f"{series.drop_nulls().n_unique():,} values, categories in the file or frame"
            column, typed = Column(name, "categorical", reason, meaning=meaning), None
        elif series.dtype == pl.String:
            column, warning = _judged_text(series, found.get(name), rows, told_format.keep_na)
            typed = found[name].numbers if column.kind == "numeric" else None
            if typed is not None and (unit := found[name].unit_in_first_row):
                units[name] = unit
        else:
            (column, warning), typed = judged_values(series, ranges[name][:3]), None
        columns.append(column)
        if typed is not None:
            numbers.append(typed.alias(name))
        if warning:
            warnings.append(warning)
        num_infinite = _num_infinite(typed) if name not in ranges else ranges[name][3]
        if num_infinite and column.kind == "numeric":
            warnings.append(
                f"column {name!r} is infinite in {num_infinite:,} of {len(series):,} rows; "
                "infinity is treated as missing"
            )
    if len(units) > 1 and rows.number(0) == 1:
        of_units = tuple(f"column {name!r} " for name in units)
        warnings = [units_row_note(units), *(w for w in warnings if not w.startswith(of_units))]
    warnings += notes_on_categories(frame, columns)
    frame = frame.with_columns(numbers) if numbers else frame
    schema = Schema(tuple(columns), targets, tuple(warnings), told_format)
    leaks = [leak for name in targets for leak in suspected_leaks(frame, schema, name)]
    return replace(schema, warnings=(*warnings, *leaks)), frame


def _num_infinite(numbers: "pl.Series | None") -> int:
    if numbers is None or not numbers.dtype.is_float():
        return 0
    return int(numbers.is_infinite().sum())


def _judged_text(
    series: "pl.Series", found: NumbersFound | None, rows: Rows, keep_na: bool
) -> tuple[Column, str | None]:
    if found is not None and found.are_numbers and found.number_format == NumberFormat():
        judged = judged_numbers(series, found, rows)  # quick, for most columns of numbers
        if judged is not None:
            return judged
    return judged_text(series, found, rows, keep_na)


def typed_frame(
    frame: "pl.DataFrame",
    schema: Schema,
    source: str = "the table",
    row_numbers: NDArray[np.int64] | None = None,
) -> "pl.DataFrame":
    """Convert the numeric columns of another table to numbers, as the training schema says.

    Args:
        frame: Rows, with text or typed columns.
        schema: From `infer_schema` on the training rows.
        source: Name of the table in errors.
        row_numbers: Row numbers in the file, from 1, for errors; None: 1, 2, 3, …

    Returns:
        The same rows and columns; other columns are unchanged. A `DataWarning` names columns
        without the percent sign or unit that they had in training.

    Raises:
        TableError: a text of a numeric column is not a number.
    """
    import polars as pl

    missing, types = schema.value_format.missing, frame.schema
    told = with_missing_told(
        frame, missing, tuple(c.name for c in schema.inputs if c.name in types)
    )
    bare = BareNumbers()
    for column in schema.inputs:
        if column.kind == "numeric" and column.name in types:
            bare.note(told[column.name], column.number_format)
    bare.warn()
    made = [
        numbers_of(told[column.name], source, 1, column.number_format, row_numbers)
        for column in schema.inputs
        if column.kind == "numeric" and types.get(column.name) == pl.String
    ]
    return told.with_columns(made) if made else told


def _told_kinds(
    frame: "pl.DataFrame",
    targets: Sequence[str],
    categorical: Sequence[str],
    drop: Sequence[str],
    as_kind: Mapping[str, str],
) -> dict[str, tuple[ColumnKind, str | None]]:
    """Kind and date format of each column for which the user gave a kind."""
    told: dict[str, tuple[ColumnKind, str | None]] = {}
    pairs: list[tuple[str, str]] = [(name, "categorical") for name in categorical]
    pairs += [(name, "dropped") for name in drop]
    pairs += list(as_kind.items())
    require_columns([name for name, _ in pairs], frame.columns, "the table")
    for name, written in pairs:
        text, _, date_format = written.partition(":")
        kind = next((known for known in COLUMN_KINDS if known == text), None)
        if kind is None or (date_format and kind != "date"):
            known = ", ".join(COLUMN_KINDS)
            raise TableError(
                f"column {name!r} cannot be {written!r}; a kind is one of {known}"
                f"{did_you_mean(text, COLUMN_KINDS)}"
            )
        if date_format and date_format not in DATE_FORMATS:
            raise TableError(
                f"column {name!r} cannot be {written!r}; a date is one of {', '.join(DATE_FORMATS)}"
            )
        if told.setdefault(name, (kind, date_format or None))[0] != kind:
            raise TableError(f"column {name!r} cannot be both {told[name][0]} and {kind}")
        if name in targets:
            raise TableError(f"column {name!r} is the target and cannot be {kind} as well")
    return told


def _told_column(
    series: "pl.Series",
    kind: ColumnKind,
    date_format: str | None,
    told: ValueFormat,
    rows: Rows,
) -> tuple[Column, "pl.Series | None"]:
    """A column of a kind given by the user; and its numbers, if it is text and numeric."""
    import polars as pl

    name = series.name
    if kind == "date":
        return Column(name, kind, _GIVEN, requested_date_format(series, date_format)), None
    if series.dtype == pl.Categorical:
        series = series.cast(pl.String)
    if kind == "categorical" and series.dtype == pl.String:
        distinct = series.drop_nulls().str.strip_chars().unique().to_list()
        meaning = meaning_of([text for text in distinct if present_text(text)])
        return Column(name, kind, _GIVEN, meaning=meaning), None
    if kind != "numeric" or series.dtype != pl.String:
        return Column(name, kind, _GIVEN), None
    found = find_numbers(series, told)
    written = None if found is None else replace(found.number_format, missing=())
    # With infinity, which is told of, as in other columns.
    numbers = numbers_of_text(series, "the table", 1, written, rows.numbers).fill_nan(None)
    return Column(name, kind, _GIVEN, number_format=written), numbers


def _ranges(frame: "pl.DataFrame") -> dict[str, tuple[int, Any, Any, int]]:
    """For each column that is not text: number of values, minimum, maximum, number infinite."""
    import polars as pl

    expressions = []
    names = [n for n, dtype in frame.schema.items() if dtype not in (pl.String, pl.Categorical)]
    for name, dtype in frame.select(names).schema.items():
        value, infinite = pl.col(name), pl.lit(0)
        if dtype.is_float():
            infinite = value.is_infinite().sum()
            value = pl.when(value.is_finite()).then(value)
        expressions += [
            value.count().alias(f"count {name}"),
            value.min().alias(f"min {name}"),
            value.max().alias(f"max {name}"),
            infinite.alias(f"infinite {name}"),
        ]
    row = frame.select(expressions).row(0) if expressions else ()
    return {name: row[4 * place : 4 * place + 4] for place, name in enumerate(names)}
