"""Answers for the labelled rows of a table that need not fit in memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.row_reader import RowReader, masked
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.rows import Rows
from multilayer.fit.table_source import TableSource
from multilayer.model.answers import Answers
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table import read_table_pieces

if TYPE_CHECKING:
    import polars as pl


def answered_rows(
    model: Answers, data: str | Path, roles: ColumnRoles, unseen: UnseenValues
) -> tuple[TableSource, NDArray[Any]]:
    """Read a table in pieces; keep the targets, and the model's outputs in place of the rows.

    The targets are judged together when all are there, so that what they mean does not depend on
    where the pieces end.

    Args:
        model: of tables.
        data: as `read_table_pieces` takes it.
        roles: with the model's targets.
        unseen: categories that were not in the training rows are added to it.

    Returns:
        The rows with a target, of which the frame has the column "row" alone, the index of the row
        among them; and the outputs, (num_members, num_rows, num_outputs).

    Raises:
        TableError: the table cannot be read, a value does not fit, or no row has a target.
    """
    import polars as pl

    schema, targets, source = model.table_schema, model.targets, str(data)
    reader = RowReader(
        roles.target, tuple(targets.number_types), None, source, values=roles.values
    ).following(schema.target_formats)
    places, first_row = RowPlaces(), 1
    columns: list[pl.DataFrame] = []
    outputs: list[NDArray[Any]] = []
    for piece in read_table_pieces(
        data, table_format=roles.table_format, points=ThousandsPoints.of(schema), places=places
    ):
        with places.naming_files():
            is_there = reader.has_target(piece)
            columns.append(piece.select(roles.target))
            if is_there.any():
                outputs.append(_outputs(model, piece, is_there, source, first_row, unseen))
        first_row += len(piece)
    with places.naming_files():
        found = reader.read(pl.concat(columns, how="vertical_relaxed"), 1)
    notes = tuple(map(places.told, found.left_out.notes(roles.target, source)))
    if not outputs:
        raise TableError(
            f"no row of {data} has a target {', '.join(map(repr, roles.target))}"
            + "".join(f"; {note}" for note in notes)
        )
    numbers = found.numbers
    rows = Rows(
        pl.DataFrame({"row": np.arange(len(numbers))}), found.targets, None, numbers=numbers
    )
    return (
        TableSource(rows, found.left_out, schema, targets.number_types, notes, places),
        np.concatenate(outputs, axis=1),
    )


def _outputs(
    model: Answers,
    piece: "pl.DataFrame",
    is_there: NDArray[np.bool_],
    source: str,
    first_row: int,
    unseen: UnseenValues,
) -> NDArray[Any]:
    """The outputs for the rows of a piece that have a target."""
    try:
        return model.member_outputs(piece.filter(is_there), source, 1, unseen)
    except TableError:
        # Once more with the other rows, so that the error names the row number in the table.
        model.member_outputs(masked(piece, is_there), source, first_row)
        raise
