"""What a model of tables expects, and what it relies on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import RunFolderError
from multilayer.fit.moved_data import is_there, locate_data
from multilayer.fit.rows import Rows
from multilayer.metrics.importance import Importance, permutation_importance
from multilayer.model.model import Model
from multilayer.model.model_file import load_model
from multilayer.reading.table_format import TableFormat
from multilayer.runs.data_of_run import check_table_of_run, format_of_run
from multilayer.runs.model_rows import rows_for_model
from multilayer.runs.run_documents import members_of_model, read_settings
from multilayer.runs.run_folder import model_path

_MOST_ROWS = 2_000


@dataclass(frozen=True, eq=False)
class TableInspection:
    """A model and what was found out about it.

    Attributes:
        model: the model.
        importances: of its columns; empty where there are no rows to find out with.
        num_rows: that they were found out with.
        reason: why there are no importances, in words.
    """

    model: Model
    importances: list[Importance]
    num_rows: int
    reason: str


def inspect_table(
    run: str | Path, data: str | Path | None = None, *, table_format: TableFormat | None = None
) -> TableInspection:
    """Look at a model.

    Args:
        run: a run folder, or a model file.
        data: rows with targets that it has not learned from; None: the validation rows of the run,
            if its data is still there.
        table_format: how the file is written; None: as the run's, if it is the run's own file, and
            else as its content says.

    Raises:
        RunFolderError, ModelFileError: the run is not whole.
        TableError: the data does not fit.
    """
    model = load_model(model_path(run))
    rows, reason = held_out_rows(run, model, data, table_format=table_format)
    if rows is None:
        return TableInspection(model, [], 0, reason)
    members = None if data is not None else members_holding_out(run, rows)
    found = permutation_importance(model, rows.frame, rows.targets, members)
    return TableInspection(model, found, len(rows), "")


def held_out_rows(
    run: str | Path,
    model: Model,
    data: str | Path | None = None,
    *,
    table_format: TableFormat | None = None,
) -> tuple[Rows | None, str]:
    """Rows to look at a model with, 2,000 at most, or why there are none.

    Args:
        run: a run folder, or a model file.
        model: its model.
        data: rows with targets that it has not learned from; None: the validation rows of the run,
            if its data is still there.
        table_format: as `inspect_table` takes it.

    Raises:
        RunFolderError: the run is not whole.
        TableError: the data does not fit.
    """
    rows, reason = _all_rows_of(run, model, data, table_format)
    if rows is None:
        return None, reason
    return rows.take(np.arange(0, len(rows), -(-len(rows) // _MOST_ROWS))), ""


def members_holding_out(run: str | Path, rows: Rows) -> NDArray[np.int64] | None:
    """Which member of a run's population has not learned from each of its validation rows.

    Args:
        run: a run folder.
        rows: as `held_out_rows` gives them.

    Returns:
        (num_rows,); None where no member has learned from any of them.

    Raises:
        RunFolderError: the run is not whole.
    """
    member_of = _place_in_model(run)
    if member_of is None or rows.numbers is None:
        return None
    try:
        return np.array([member_of[number] for number in rows.numbers.tolist()], np.int64)
    except KeyError as error:
        raise RunFolderError(
            f"settings.json of {run} does not say who held out row {error}"
        ) from None


def _place_in_model(run: str | Path) -> dict[int, int] | None:
    """Of each named validation row the network of the model that held it out; None: all did.

    Rows that a network held out which diverged, and is no part of the model, are not among them.
    """
    origin = read_settings(run)["data"]
    members = origin.get("validation_members")
    if members is None:
        return None
    kept = members_of_model(run)
    places = range(max(members, default=0) + 1) if kept is None else kept
    place_of = {member: place for place, member in enumerate(places)}
    pairs = zip(origin["validation_rows"], members, strict=True)
    return {row: place_of[member] for row, member in pairs if member in place_of}


def _all_rows_of(
    run: str | Path, model: Model, data: str | Path | None, table_format: TableFormat | None
) -> tuple[Rows | None, str]:
    def rows_of(path: str | Path) -> Rows:
        return rows_for_model(model, path, table_format or format_of_run(run, path)).rows

    if data is not None:
        return rows_of(data), ""
    if not Path(run).is_dir():
        return None, "a model file holds no rows; name a table to see what the model relies on"
    try:
        origin = read_settings(run)["data"]
        _, validation, numbers = (origin[key] for key in ("load", "validation", "validation_rows"))
    except KeyError as error:
        raise RunFolderError(f"settings.json of {run} lacks {error}") from error
    if validation is None and not numbers:
        return None, "the run held no rows out; name a table with rows it has not learned from"
    origin = locate_data(run, origin)
    path = origin["load"] if validation is None else origin["validation"]
    if not is_there(path) or not Path(path).is_file():
        what = "validation rows were held out of" if validation is None else "run was validated on"
        return None, f"the table {path}, which the {what}, is not there any more; name a table"
    try:
        check_table_of_run(run, origin, is_shown=True, is_validation=validation is not None)
    except RunFolderError as error:
        return None, str(error)
    if validation is not None:
        return rows_of(path), ""
    rows, held_out = rows_of(path), _place_in_model(run)
    assert rows.numbers is not None
    numbers = numbers if held_out is None else list(held_out)
    return rows.take(np.flatnonzero(np.isin(rows.numbers, numbers))), ""
