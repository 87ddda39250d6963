"""The inputs of a table's model, and their permutation importance."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import RunFolderError, TableError
from multilayer.fit.moved_data import is_there, locate_data
from multilayer.fit.rows import Rows
from multilayer.metrics.importance import Importance, permutation_importance
from multilayer.model.answers import Answers
from multilayer.model.model_file import load_answers
from multilayer.reading.table_format import TableFormat
from multilayer.runs.data_of_run import check_table_of_run, format_of_run
from multilayer.runs.model_rows import rows_for_model
from multilayer.runs.run_documents import members_of_model, read_settings
from multilayer.runs.run_folder import model_path

if TYPE_CHECKING:
    from multilayer.model.model import Model
    from multilayer.model.predictor import Predictor

_MOST_ROWS = 2_000


@dataclass(frozen=True, eq=False)
class TableInspection:
    """A model and the importance of its columns.

    Attributes:
        model: the model.
        importances: of its columns; empty without rows to compute them on.
        num_rows: rows that they were computed on.
        reason: why there are no importances.
    """

    model: "Model | Predictor"
    importances: list[Importance]
    num_rows: int
    reason: str


def inspect_table(
    run: str | Path, data: str | Path | None = None, *, table_format: TableFormat | None = None
) -> TableInspection:
    """Load a model, and compute the importance of its columns.

    Args:
        run: a run folder, or a model file.
        data: a file of rows that it was not trained on; None: the validation rows of the run, if
            its data still exists.
        table_format: how the file is written; None: the run's format if it is the run's own file,
            else inferred.

    Raises:
        RunFolderError, ModelFileError: the run is incomplete.
        TableError: the data does not fit.
    """
    model = load_answers(model_path(run))
    rows, reason = held_out_rows(run, model, data, table_format=table_format)
    if rows is None:
        return TableInspection(model, [], 0, reason)
    members = None if data is not None else members_holding_out(run, rows)
    found = permutation_importance(model, rows.frame, rows.targets, members)
    return TableInspection(model, found, len(rows), "")


def held_out_rows(
    run: str | Path,
    model: Answers,
    data: str | Path | None = None,
    *,
    table_format: TableFormat | None = None,
) -> tuple[Rows | None, str]:
    """At most 2,000 labelled rows that the model was not trained on, or why there are none.

    Args:
        run: a run folder, or a model file.
        model: its model.
        data: a file of such rows; None: the validation rows of the run, if its data still exists.
        table_format: see `inspect_table`.

    Raises:
        RunFolderError: the run is incomplete.
        TableError: the data does not fit.
    """
    rows, reason = _all_rows_of(run, model, data, table_format)
    if rows is None:
        return None, reason
    return rows.take(np.arange(0, len(rows), -(-len(rows) // _MOST_ROWS))), ""


def members_holding_out(run: str | Path, rows: Rows) -> NDArray[np.int64] | None:
    """The member of a run's population that held out each of its validation rows.

    Args:
        run: a run folder.
        rows: from `held_out_rows`.

    Returns:
        (num_rows,); None if all members hold out the same rows.

    Raises:
        RunFolderError: the run is incomplete.
    """
    member_of = _place_in_model(run)
    if member_of is None or rows.numbers is None:
        return None
    try:
        return np.array([member_of[number] for number in rows.numbers.tolist()], np.int64)
    except KeyError as error:
        raise RunFolderError(
            f"validation_members in {run}/settings.json do not name the network of row {error}"
        ) from None


def _place_in_model(run: str | Path) -> dict[int, int] | None:
    """For each recorded validation row, the index in the model of the network that held it out.

    None if all networks held out the same rows. Rows held out by a network that diverged, and is
    not part of the model, are omitted.
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
    run: str | Path, model: Answers, data: str | Path | None, table_format: TableFormat | None
) -> tuple[Rows | None, str]:
    def rows_of(path: str | Path) -> Rows:
        return rows_for_model(model, path, table_format or format_of_run(run, path)).rows

    if data is not None:
        return rows_of(data), ""
    if not Path(run).is_dir():
        return None, "a model file holds no rows; name a table to compute importances on"
    try:
        origin = read_settings(run)["data"]
        _, validation, numbers = (origin[key] for key in ("load", "validation", "validation_rows"))
    except KeyError as error:
        raise RunFolderError(f"settings.json of {run} lacks {error}") from error
    if validation is None and not numbers and origin.get("memory_limit"):
        return None, (
            "which rows were held out is not kept for a run within a memory limit; name a table "
            "with rows it was not trained on"
        )
    if validation is None and not numbers:
        return None, "the run held no rows out; name a table with rows it was not trained on"
    origin = locate_data(run, origin)
    path = origin["load"] if validation is None else origin["validation"]
    if not is_there(path):
        what = "validation rows were held out of" if validation is None else "run was validated on"
        return None, f"the table {path}, which the {what}, no longer exists; name a table"
    try:
        check_table_of_run(run, origin, is_shown=True, is_validation=validation is not None)
    except (RunFolderError, TableError) as error:
        return None, str(error)
    if validation is not None:
        return rows_of(path), ""
    rows, held_out = rows_of(path), _place_in_model(run)
    assert rows.numbers is not None
    numbers = numbers if held_out is None else list(held_out)
    return rows.take(np.flatnonzero(np.isin(rows.numbers, numbers))), ""
