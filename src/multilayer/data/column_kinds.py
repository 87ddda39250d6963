"""Which kind each column of a table is, judged by its values."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.booleans import BOOLEAN_SPELLINGS, boolean_of
from multilayer.data.dates import ISO, formats_of, may_be_date
from multilayer.data.forked import require_polars_threads
from multilayer.data.leaks import suspected_leaks
from multilayer.data.missing import present_text
from multilayer.data.schema import COLUMN_KINDS, Column, ColumnKind, Schema, require_columns
from multilayer.data.text_numbers import (
    first_not_a_number,
    numbers_of,
    shown,
    with_numbers_found,
)
from multilayer.data.value_format import ValueFormat, with_missing_told
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

_FEWEST_ROWS_TO_JUDGE = 20  # in a smaller table every column may look like an identifier
_IDENTIFIER_SHARE = 0.9  # of the values that are present, so many are distinct
_TEXT_SHARE, _TEXT_WORDS, _TEXT_BYTES = 0.5, 4, 60
_NUMBER_SHARE = 0.5  # a text column with so many numbers was meant to hold numbers
_IDENTIFIER_NAME = re.compile(
    r"(.*[^a-z])?(id|ids|uuid|guid|index|idx|key|rownum)|unnamed.*|column_\d+|row.?(number|no|id)"
    r"|__index_level_\d+__|row_names",  # of pandas, and of R
    re.IGNORECASE,
)
_CAMEL_CASE_IDENTIFIER = re.compile(r".*[a-z]I[Dd]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf", re.ASCII | re.IGNORECASE)
_LARGEST_EXACT = 2**53


def infer_schema(
    frame: "pl.DataFrame",
    target: str | Sequence[str] = (),
    *,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    as_kind: Mapping[str, ColumnKind] | None = None,
    value_format: ValueFormat | None = None,
    row_numbers: NDArray[np.int64] | None = None,
) -> Schema:
    """Judge the kind of every column; see `judge_columns`, which also gives the columns as such."""
    return judge_columns(
        frame, target, categorical=categorical, drop=drop, as_kind=as_kind,
        value_format=value_format, row_numbers=row_numbers,
    )[0]  # fmt: skip


def judge_columns(
    frame: "pl.DataFrame",
    target: str | Sequence[str] = (),
    *,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    as_kind: Mapping[str, ColumnKind] | None = None,
    value_format: ValueFormat | None = None,
    row_numbers: NDArray[np.int64] | None = None,
) -> tuple[Schema, "pl.DataFrame"]:
    """Judge the kind of every column, whether it is text or typed already.

    Numbers are numeric, also codes such as 1, 2, 3: say `categorical=` if they are. Text is
    boolean, a date, an identifier (nearly all values differ), free text, or else categorical.
    Identifiers, free text and columns with a single value are not given to the network, unless
    `as_kind` says so.

    Args:
        frame: As `as_frame` or `read_table` give it; best the training rows alone.
        target: Names of the columns to be predicted; they are no part of the schema's columns.
        categorical: Names of columns that are categorical, whatever they look like.
        drop: Names of columns to leave out.
        as_kind: Other kinds by name: numeric, categorical, boolean or date.
        value_format: What the user said of how values are written.
        row_numbers: Of the rows in the file, from 1, for messages; None: 1, 2, 3, …

    Returns:
        The schema; and the frame, in which text that stands for numbers has become numbers.

    Raises:
        TableError: a name is not in the frame, is given two kinds, or a kind is unknown.
    """
    import polars as pl

    require_polars_threads("judging the columns of a table")
    told_format = value_format or ValueFormat()
    targets = (target,) if isinstance(target, str) else tuple(target)
    told = _told_kinds(frame, targets, categorical, drop, as_kind or {})
    require_columns(targets, frame.columns, "the table")
    names = [name for name in frame.columns if name not in targets]
    inputs = with_missing_told(frame, told_format.missing, tuple(names))
    types = frame.schema
    texts = [name for name in names if types[name] == pl.String and name not in told]
    frame = inputs.with_columns(with_numbers_found(inputs.select(texts)))
    types, ranges = frame.schema, _ranges(frame.select(names))
    columns, warnings = [], []
    for name in names:
        if name in told:
            kind = told[name]
            column = Column(name, kind, "as told", _date_format(frame[name], kind))
            warning = None
        elif types[name] == pl.String:
            column, warning = _judged_text(frame[name], row_numbers)
        else:
            column, warning = _judged(frame[name], ranges[name])
        columns.append(column)
        if warning:
            warnings.append(warning)
    schema = Schema(tuple(columns), targets, tuple(warnings), told_format)
    leaks = [leak for name in targets for leak in suspected_leaks(frame, schema, name)]
    return replace(schema, warnings=(*warnings, *leaks)), frame


def typed_frame(
    frame: "pl.DataFrame",
    schema: Schema,
    source: str = "the table",
    row_numbers: NDArray[np.int64] | None = None,
) -> "pl.DataFrame":
    """Turn the text of another table's numeric columns into numbers, as its schema says.

    Args:
        frame: Rows, whose columns may be text or typed already.
        schema: That `infer_schema` made of the training rows.
        source: What errors call the table.
        row_numbers: Of the rows in the file, from 1, for errors; None: 1, 2, 3, …

    Returns:
        The same rows and columns; other columns stay as they are.

    Raises:
        TableError: a text of a numeric column is no number.
    """
    import polars as pl

    missing = schema.value_format.missing
    told = with_missing_told(
        frame, missing, tuple(c.name for c in schema.inputs if c.name in frame.columns)
    )
    made = [
        numbers_of(told[column.name], source, 1, column.number_format, row_numbers)
        for column in schema.inputs
        if column.kind == "numeric" and told.schema.get(column.name) == pl.String
    ]
    return told.with_columns(made) if made else told


def _told_kinds(
    frame: "pl.DataFrame",
    targets: Sequence[str],
    categorical: Sequence[str],
    drop: Sequence[str],
    as_kind: Mapping[str, ColumnKind],
) -> dict[str, ColumnKind]:
    told: dict[str, ColumnKind] = {}
    pairs: list[tuple[str, ColumnKind]] = [(name, "categorical") for name in categorical]
    pairs += [(name, "dropped") for name in drop]
    pairs += list(as_kind.items())
    require_columns([name for name, _ in pairs], frame.columns, "the table")
    for name, kind in pairs:
        if kind not in COLUMN_KINDS:
            known = ", ".join(COLUMN_KINDS)
            raise TableError(f"column {name!r} cannot be {kind!r}; a kind is one of {known}")
        if told.setdefault(name, kind) != kind:
            raise TableError(f"column {name!r} cannot be both {told[name]} and {kind}")
        if name in targets:
            raise TableError(f"column {name!r} is the target and cannot be {kind} as well")
    return told


def _date_format(series: "pl.Series", kind: ColumnKind) -> str | None:
    import polars as pl

    if kind != "date":
        return None
    formats = formats_of(series) if series.dtype == pl.String else [ISO]
    if len(formats) != 1:
        raise TableError(
            f"column {series.name!r} cannot be taken as dates: "
            + ("day and month cannot be told apart" if formats else "no format fits all its values")
        )
    return formats[0]


def _ranges(frame: "pl.DataFrame") -> dict[str, tuple[int, Any, Any]]:
    """For each column that is not text: values present, the smallest and the largest."""
    import polars as pl

    expressions = []
    names = [name for name, dtype in frame.schema.items() if dtype != pl.String]
    for name, dtype in frame.select(names).schema.items():
        value = pl.col(name)
        if dtype.is_float():
            value = pl.when(value.is_finite()).then(value)
        expressions += [
            value.count().alias(f"count {name}"),
            value.min().alias(f"min {name}"),
            value.max().alias(f"max {name}"),
        ]
    row = frame.select(expressions).row(0) if expressions else ()
    return {name: row[3 * place : 3 * place + 3] for place, name in enumerate(names)}


@dataclass(frozen=True)
class _TextFacts:
    """What the kind of a text column is judged by; the last three are of at most 10,000 values."""

    count: int  # values that are present
    distinct: tuple[str, ...]
    mean_bytes: float
    mean_words: float
    number_share: float

    @classmethod
    def of(cls, series: "pl.Series") -> "_TextFacts":
        counts: Counter[str] = Counter()
        for raw, count in series.value_counts().iter_rows():
            text = None if raw is None else present_text(raw)
            if text is not None:
                counts[text] += count
        sample = list(counts)[:10_000]
        size = max(len(sample), 1)
        return cls(
            count=counts.total(),
            distinct=tuple(sorted(counts)),
            mean_bytes=sum(map(len, sample)) / size,
            mean_words=sum(len(text.split()) for text in sample) / size,
            number_share=sum(map(_is_number, sample)) / size,
        )


def _judged(series: "pl.Series", facts: tuple[int, Any, Any]) -> tuple[Column, str | None]:
    import polars as pl

    name = series.name
    count, smallest, largest = facts
    if count == 0:
        return _no_value(name)
    if smallest == largest and count == len(series):
        return Column(name, "constant", f"always {smallest}"), None
    if series.dtype == pl.Boolean:
        return Column(name, "boolean", "true or false"), None
    if series.dtype in (pl.Date, pl.Datetime, pl.Time):
        return Column(name, "date", f"from {smallest} to {largest}", ISO), None
    if series.dtype.is_integer():
        return _judged_whole(series, count, smallest, largest)
    if series.dtype == pl.Duration:
        return Column(name, "numeric", "a length of time, in seconds"), None
    return Column(name, "numeric", f"from {smallest:.6g} to {largest:.6g}"), None


def _no_value(name: str) -> tuple[Column, str]:
    return Column(name, "constant", "no value is present"), _unused(name, "holds no value")


def _judged_whole(
    series: "pl.Series", count: int, smallest: int, largest: int
) -> tuple[Column, str | None]:
    name = series.name
    reason = f"whole numbers from {smallest} to {largest}"
    looks_named = _IDENTIFIER_NAME.fullmatch(name) or _CAMEL_CASE_IDENTIFIER.fullmatch(name)
    is_exact = max(-smallest, largest) <= _LARGEST_EXACT
    if count < _FEWEST_ROWS_TO_JUDGE or not (
        looks_named or not is_exact or largest - smallest == count - 1
    ):
        return Column(name, "numeric", reason), None
    num_distinct = series.drop_nulls().n_unique()
    if num_distinct >= _IDENTIFIER_SHARE * count and (looks_named or not is_exact):
        why = (
            "nearly all values differ" if is_exact else "values beyond 2^53 that nearly all differ"
        )
        return Column(name, "identifier", why), _identifier(name, why, "numeric")
    if num_distinct == count and largest - smallest == count - 1:
        return Column(name, "numeric", reason), (
            f"column {name!r} numbers the rows ({smallest} to {largest}): drop it unless the order "
            "of the rows means something"
        )
    return Column(name, "numeric", reason), None


def _judged_text(
    series: "pl.Series", row_numbers: NDArray[np.int64] | None
) -> tuple[Column, str | None]:
    name = series.name
    facts = _TextFacts.of(series)
    count, num_distinct = facts.count, len(facts.distinct)
    values = f"{num_distinct} value{'s' if num_distinct > 1 else ''}"
    if count == 0:
        return _no_value(name)
    if num_distinct == 1 and count == len(series):
        return Column(name, "constant", f"always {shown(facts.distinct[0])}"), None
    if num_distinct <= len(BOOLEAN_SPELLINGS) and set(map(boolean_of, facts.distinct)) == {
        True,
        False,
    }:
        return Column(name, "boolean", " or ".join(facts.distinct)), None
    formats = formats_of(series) if may_be_date(facts.distinct[0]) else []
    if len(formats) == 1:
        return Column(name, "date", "every value is a date", formats[0]), None
    if formats:
        warning = (
            f"column {name!r} holds dates in which day and month cannot be told apart and is not "
            "used; write them as 2024-01-31"
        )
        return Column(name, "text", "dates, but day and month cannot be told apart"), warning
    if count >= _FEWEST_ROWS_TO_JUDGE:
        is_long = facts.mean_words >= _TEXT_WORDS or facts.mean_bytes >= _TEXT_BYTES
        if is_long and num_distinct >= _TEXT_SHARE * count:
            return Column(name, "text", f"free text, {values}"), _unused(
                name, "looks like free text", "categorical"
            )
        if facts.number_share == 1:
            return Column(name, "categorical", f"{values}, written as numbers"), None
        if facts.number_share >= _NUMBER_SHARE:
            row = first_not_a_number(series)
            number = row + 1 if row_numbers is None else int(row_numbers[row])
            warning = (
                f"column {name!r} is taken as categorical because row {number} holds "
                f"{shown(series[row])}, yet most values are numbers"
            )
            return Column(name, "categorical", f"{values}, most of them numbers"), warning
        if num_distinct >= _IDENTIFIER_SHARE * count:
            why = "nearly all values differ"
            return Column(name, "identifier", why), _identifier(name, why, "categorical")
    return Column(name, "categorical", values), None


def _identifier(name: str, why: str, kind: str) -> str:
    return (
        f"column {name!r} looks like an identifier ({why}) and is not used; "
        f"to use it, say that it is {kind}"
    )


def _unused(name: str, why: str, kind: str | None = None) -> str:
    hint = f"; to use it, say that it is {kind}" if kind else ""
    return f"column {name!r} {why} and is not used{hint}"


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None
