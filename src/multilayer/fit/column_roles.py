"""What the columns of a table are for, as the user says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from multilayer.columns.value_format import ValueFormat
from multilayer.errors import SettingsError
from multilayer.reading.table_format import TableFormat


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of a table are for, apart from what is inferred.

    Args:
        target: columns to be predicted.
        weight: says how much each row counts, and is no input.
        group_by: rows of one value are never on both sides of a split; no input.
        time_column: the latest rows are the ones held out; it stays an input.
        categorical: columns that are categories, whatever they look like.
        drop: columns to leave out.
        as_kind: other kinds, by column.
        table_format: how the file is written.
        values: how values are written, where their looks leave it open.
    """

    target: tuple[str, ...]
    weight: str | None = None
    group_by: str | None = None
    time_column: str | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    as_kind: Mapping[str, str] = field(default_factory=dict)
    table_format: TableFormat = field(default_factory=TableFormat)
    values: ValueFormat = field(default_factory=ValueFormat)

    def __post_init__(self) -> None:
        """Refuse a column that is named for two of these."""
        named = [("--target", name) for name in self.target]
        named += [("--weight", self.weight)] if self.weight is not None else []
        named += [("--group-by", self.group_by)] if self.group_by is not None else []
        first: dict[str, str] = {}
        for flag, name in named:
            if name in first and not {flag, first[name]} == {"--weight", "--group-by"}:
                raise SettingsError(
                    f"column {name!r} is named twice, by {first[name]} and by {flag}"
                    if first[name] != flag
                    else f"column {name!r} is named by {flag} twice"
                )
            first.setdefault(name, flag)

    def to_json(self) -> dict[str, Any]:
        """The fields, as `saved_table` reads them; what was not told of values is left out."""
        document = asdict(self)
        if self.values == ValueFormat():
            del document["values"]
        return document

    def without(self, unread: Sequence[str]) -> "ColumnRoles":
        """The roles of a table in which columns were left out that need not be dropped then."""
        return replace(self, drop=tuple(name for name in self.drop if name not in unread))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are named and are no inputs."""
        named = (*self.target, self.weight, self.group_by)
        return tuple(name for name in named if name is not None)
