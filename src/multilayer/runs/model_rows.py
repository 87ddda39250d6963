"""Read labelled rows with a model's schema and classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.columns.labels import rows_in_words
from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import enumerated
from multilayer.columns.target_checks import shown_target
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.rows import Rows
from multilayer.fit.table_source import read_rows
from multilayer.model.answers import Answers
from multilayer.reading.table_format import TableFormat

_MOST_LABELS_SHOWN = 5


@dataclass(frozen=True, eq=False)
class ModelRows:
    """Rows that a model can be evaluated on.

    Attributes:
        rows: the rows with a target that the model knows.
        left_out: rows dropped because their target is missing.
        unknown: the number of rows dropped for each label that is not a class of the model.
        notes: warnings, a sentence each.
    """

    rows: Rows
    left_out: LeftOut
    unknown: Mapping[Any, int]
    notes: tuple[str, ...]

    @property
    def num_unknown(self) -> int:
        """Rows dropped because their label is not a class of the model."""
        return sum(self.unknown.values())


def rows_for_model(
    model: Answers, data: str | Path, table_format: TableFormat | None = None
) -> ModelRows:
    """Read a file with targets.

    Args:
        model: of tables; its schema and classes are used.
        data: a file that `read_table` takes.
        table_format: how the file is written; None: inferred.

    Raises:
        TableError: the file cannot be read, a column is missing or does not fit the schema, or no
            row has a target that the model knows.
    """
    targets = model.targets
    roles = ColumnRoles(
        targets.names,
        table_format=table_format or TableFormat(),
        values=model.table_schema.value_format,
    )
    source = read_rows(data, roles, schema=model.table_schema, number_types=targets.number_types)
    rows, notes = source.rows, source.notes
    if not targets.is_classification:
        with source.places.naming_files():
            targets.encode(rows.targets, rows.numbers)  # raises for invalid targets, with the row
        return ModelRows(rows, source.left_out, {}, notes)
    matched = targets.matched(rows.targets)
    notes += matched.notes
    if matched.unknown:
        assert rows.numbers is not None
        is_known = matched.numbers >= 0
        first = int(rows.numbers[np.argmin(is_known)]) + 1
        often = sorted(matched.unknown, key=lambda label: (-matched.unknown[label], str(label)))
        listed = ", ".join(
            f"{shown_target(label)} ({rows_in_words(matched.unknown[label])})"
            for label in often[:_MOST_LABELS_SHOWN]
        )
        if len(often) > _MOST_LABELS_SHOWN:
            listed += f" and {len(often) - _MOST_LABELS_SHOWN:,} more"
        what = (
            f"{'label' if len(often) == 1 else 'labels'} {listed} of target {targets.names[0]!r}, "
            f"first in row {first}, {'is' if len(often) == 1 else 'are'} not among the model's "
            f"classes ({enumerated([str(label) for label in targets.classes])})"
        )
        if not is_known.any():
            raise TableError(source.places.told(f"no row of {data} can be scored: {what}"))
        notes += (source.places.told(f"{what}; these rows are left out of the scores"),)
        rows = rows.take(np.flatnonzero(is_known))
    return ModelRows(rows, source.left_out, matched.unknown, notes)
