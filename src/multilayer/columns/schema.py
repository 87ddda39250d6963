"""The schema of a table: the kind of each column, and why."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from multilayer.columns.alike_texts import composed
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.value_format import ValueFormat
from multilayer.errors import SettingsError, TableError, did_you_mean

ColumnKind = Literal[
    "numeric", "categorical", "boolean", "date", "text", "identifier", "constant", "dropped"
]
CategoryMeaning = Literal["text", "number", "boolean"]
COLUMN_KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)
# Columns of the other kinds are not given to the network.
INPUT_KINDS: tuple[ColumnKind, ...] = ("numeric", "categorical", "boolean", "date")
_GIVEN_NAME = re.compile(r"column_\d+")  # by a reader, to a column without one
_NAME_SHOWN = 60
_MEANINGS: tuple[CategoryMeaning, ...] = get_args(CategoryMeaning)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the table.
        kind: One of `COLUMN_KINDS`.
        reason: Why it is of this kind, to be shown.
        date_format: Of a date column; one of `dates.DATE_FORMATS`.
        number_format: Of a numeric column that was text; None: `NumberFormat()`.
        meaning: What the categories are; numbers match in any spelling, "2.5" and "2.50". None:
            number if the column is numeric, else text.
    """

    name: str
    kind: ColumnKind
    reason: str
    date_format: str | None = None
    number_format: NumberFormat | None = None
    meaning: CategoryMeaning | None = None

    @property
    def is_input(self) -> bool:
        """Whether the column is a feature."""
        return self.kind in INPUT_KINDS


@dataclass(frozen=True)
class Schema:
    """The columns of a table in their order, without the targets.

    Attributes:
        columns: One for each column.
        targets: Names of the target columns; none if targets are kept elsewhere.
        warnings: Sentences on likely identifiers, unused columns, suspected target leakage.
        value_format: How values are written, as set by the user.
        target_formats: Number format of each target's training rows, None if plain or not numeric;
            empty: detected in each file.

    Examples:
        >>> from multilayer import as_frame, infer_schema
        >>> ages = list(range(40))
        >>> frame = as_frame({"age": ages, "always": [7] * 40, "y": [age / 2 for age in ages]})
        >>> schema = infer_schema(frame, "y")
        >>> schema.targets
        ('y',)
        >>> [(column.name, column.kind) for column in schema.columns]
        [('age', 'numeric'), ('always', 'constant')]
    """

    columns: tuple[Column, ...]
    targets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    value_format: ValueFormat = field(default_factory=ValueFormat)
    target_formats: tuple[NumberFormat | None, ...] = ()

    def __repr__(self) -> str:
        return f"<Schema: {len(self.columns)} columns, {len(self.inputs)} of them inputs>"

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The feature columns."""
        return tuple(column for column in self.columns if column.is_input)

    def rows(self) -> list[tuple[str, str, str]]:
        """Name, kind and reason of each column, to be printed as a table."""
        return [(column.name, column.kind, column.reason) for column in self.columns]

    def to_json(self) -> dict[str, Any]:
        """The schema as a JSON document, for `from_json`."""
        document = {
            "columns": [_column_json(column) for column in self.columns],
            "targets": list(self.targets),
            "warnings": list(self.warnings),
            "value_format": self.value_format.to_json(),
        }
        if any(self.target_formats):
            document["target_formats"] = [
                None if written is None else written.to_json() for written in self.target_formats
            ]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Schema":
        """Read what `to_json` made.

        Raises:
            TableError: the document is not a schema.
        """
        try:
            columns = tuple(_column_of(column) for column in document["columns"])
            values = ValueFormat.from_json(document.get("value_format", {}))
            written = tuple(map(_number_format_of, document.get("target_formats", ())))
            schema = cls(
                columns, _texts(document["targets"]), _texts(document["warnings"]), values, written
            )
            if written and len(written) != len(schema.targets):
                raise TableError("target_formats must be one for each of targets")
        except (AttributeError, KeyError, TypeError, SettingsError, TableError) as error:
            raise TableError(f"this is not the schema of a table: {error}") from error
        for column in columns:
            texts = (column.name, column.reason, column.date_format or "")
            is_known = column.kind in COLUMN_KINDS and column.meaning in (None, *_MEANINGS)
            if not is_known or not all(isinstance(t, str) for t in texts):
                raise TableError(f"this is not the schema of a table: {column}")
        return schema


def _column_json(column: Column) -> dict[str, Any]:
    """The fields without number_format and meaning if None, as in older files."""
    document = asdict(column)
    for name in ("number_format", "meaning"):
        if document[name] is None:
            del document[name]
    if column.number_format is not None:
        document["number_format"] = column.number_format.to_json()
    return document


def _column_of(document: dict[str, Any]) -> Column:
    numbers = _number_format_of(document.get("number_format"))
    return Column(**{**document, "number_format": numbers})


def _number_format_of(document: dict[str, Any] | None) -> NumberFormat | None:
    return None if document is None else NumberFormat.from_json(document)


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"a list of texts was expected, not {values!r}")
    return tuple(values)


def require_columns(names: Sequence[str], present: Sequence[str], source: str) -> None:
    """Raise TableError that lists all of `names` that are not in `present`."""
    there = set(present)
    missing = [name for name in names if name not in there]
    if not missing:
        return
    is_not = f"{_listed('column', missing)} {'is' if len(missing) == 1 else 'are'} not in {source}"
    if {composed(missing[0])} & set(map(composed, present)):
        raise TableError(
            f"{is_not}, which has a column that looks the same and writes its accents in another "
            "form of Unicode (a letter and an accent behind it, or both as one character); write "
            "both alike"
        )
    are_nameless = any(map(_GIVEN_NAME.fullmatch, present))
    raise TableError(
        f"{is_not}; its columns are {enumerated(present)}{did_you_mean(missing[0], present)}"
        + ("; if the names stand further down, add --skip-rows" if are_nameless else "")
    )


def enumerated(names: Sequence[str], most: int = 12) -> str:
    """Names separated by commas, the first `most` and how many more."""
    if not names:
        return "none"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(_in_a_line(name) for name in names[:most]) + more


def _in_a_line(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= _NAME_SHOWN else text[: _NAME_SHOWN - 1] + "…"


def _listed(noun: str, names: Sequence[str]) -> str:
    plural = "" if len(names) == 1 else "s"
    return f"{noun}{plural} {', '.join(repr(name) for name in names)}"
