"""The roles of a table's columns: targets, sample weight, group, time, inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from multilayer.columns.value_format import ValueFormat
from multilayer.errors import SettingsError
from multilayer.reading.table_format import TableFormat


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of a table are for, where it is not inferred.

    Args:
        target: the target columns.
        weight: the column of sample weights; not an input.
        group_by: rows with one value are never on both sides of a split; not an input.
        time_column: the latest rows are held out; stays an input.
        categorical: columns that are categories, whatever their values.
        drop: columns to ignore.
        as_kind: kinds of columns, by name.
        table_format: how the file is written.
        values: how its values are written.

    Raises:
        SettingsError: a column is named for two roles.

    Examples:
        >>> from multilayer import ColumnRoles
        >>> roles = ColumnRoles(("price",), group_by="owner", drop=("id",))
        >>> roles.target, roles.group_by
        (('price',), 'owner')
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
        """Reject a column that is named for two roles."""
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
        """The fields as settings.json has them; a default `values` is omitted."""
        document = asdict(self)
        if self.values == ValueFormat():
            del document["values"]
        return document

    def without(self, unread: Sequence[str]) -> "ColumnRoles":
        """The roles without `drop` of columns that were not read."""
        return replace(self, drop=tuple(name for name in self.drop if name not in unread))

    @property
    def columns(self) -> tuple[str, ...]:
        """The named columns that are not inputs."""
        named = (*self.target, self.weight, self.group_by)
        return tuple(name for name in named if name is not None)
