"""Read labelled rows with a model's schema and classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import rows_in_words
from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import enumerated
from multilayer.columns.target_checks import shown_target
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.rows import Rows
from multilayer.fit.table_source import TableSource, read_rows
from multilayer.model.answers import Answers
from multilayer.reading.table_format import TableFormat
from multilayer.runs.streamed_rows import answered_rows

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
    roles = _roles_for(model, table_format)
    types = model.targets.number_types
    source = read_rows(data, roles, schema=model.table_schema, number_types=types)
    return _known_rows(model, data, source)


def outputs_for_rows(
    model: Answers, data: str | Path, table_format: TableFormat | None, unseen: UnseenValues
) -> tuple[ModelRows, NDArray[Any]]:
    """`rows_for_model` of a table of any size: the model's outputs in place of its columns.

    Args:
        model: see `rows_for_model`.
        data: as `read_table_pieces` takes it.
        table_format: see `rows_for_model`.
        unseen: categories that were not in the training rows are added to it.

    Returns:
        The rows, without their columns; and (num_members, num_rows, num_outputs).

    Raises:
        TableError: see `rows_for_model`.
    """
    source, outputs = answered_rows(model, data, _roles_for(model, table_format), unseen)
    found = _known_rows(model, data, source)
    return found, outputs[:, found.rows.frame["row"].to_numpy()]


def _roles_for(model: Answers, table_format: TableFormat | None) -> ColumnRoles:
    return ColumnRoles(
        model.targets.names,
        table_format=table_format or TableFormat(),
        values=model.table_schema.value_format,
    )


def _known_rows(model: Answers, data: str | Path, source: TableSource) -> ModelRows:
    """Without the rows whose label the model does not know."""
    targets, rows, notes = model.targets, source.rows, source.notes
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
