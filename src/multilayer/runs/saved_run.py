"""What a run folder says of the run that it is of, so that the run can be taken up again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError, SettingsError
from multilayer.fit.moved_data import file_digest, find_folder, where_data_are
from multilayer.runs.run_documents import read_results, read_settings

if TYPE_CHECKING:
    from multilayer.reading.table_format import TableFormat
    from multilayer.columns.target_values import Task
    from multilayer.fit.table_source import ColumnRoles


@dataclass(frozen=True)
class SavedTable:
    """What only a run on a table is begun with; as `TableRun` and `LargeTable` take it."""

    roles: "ColumnRoles"
    task: "Task"
    validation: str | None
    memory_limit: int | None


@dataclass(frozen=True)
class SavedRun:
    """The arguments that a run was begun with.

        saved = SavedRun.read("runs/first")
        run = ImageRun(
            saved.data, saved.settings, "runs/first",
            recipe_name=saved.recipe_name, data_dir=saved.data_dir, is_resumed=True,
        )

    Attributes:
        data: as `ImageRun` or `TableRun` takes it, like all others; where it is now, if it has
            moved together with the run folder.
        settings: as they were used; for `TableRun`, all of them are changes.
        recipe_name: …
        data_dir: …
        table: of a run on a table; None: it is on pictures.
    """

    data: str
    settings: TrainingSettings
    recipe_name: str
    data_dir: str | None
    table: SavedTable | None = None

    @classmethod
    def read(cls, run: str | Path) -> "SavedRun":
        """Read a run folder.

        Raises:
            RunFolderError: it is no run folder or damaged, its run has ended, or its rows came
                through the standard input.
        """
        document = read_settings(run)
        try:
            settings = TrainingSettings(**document["settings"])
            origin, recipe_name = document["data"], document["recipe"]
            table = saved_table(origin) if origin["kind"] == "table" else None
            saved = cls(origin["load"], settings, recipe_name, origin.get("data_dir"), table)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{run}/settings.json does not describe a run: {error}") from error
        saved._check_is_open(Path(run))
        saved = saved._where_it_is_now(run, origin)
        if table is not None and STANDARD_INPUT in (saved.data, table.validation):
            raise RunFolderError(
                f"the rows of {run} came through the standard input, and cannot be read again"
            )
        return saved

    def _where_it_is_now(self, run: str | Path, origin: Mapping[str, Any]) -> "SavedRun":
        """The same, with the paths of data that have moved, as far as they are found."""
        if self.table is None:
            is_folder = Path(self.data).is_absolute()  # other data are known by their name
            return replace(self, data=find_folder(run, self.data)) if is_folder else self
        origin = where_data_are(run, origin)
        table = replace(self.table, validation=origin["validation"])
        return replace(self, data=origin["load"], table=table)

    def _check_is_open(self, run: Path) -> None:
        if not (run / "results.json").exists():
            return
        status = read_results(run).get("status")
        # A run on pictures draws after its results are there, and may be killed meanwhile.
        is_drawn = self.table is not None or (run / "first_layer.png").exists()
        if status == "diverged" or (status != "interrupted" and is_drawn):
            raise RunFolderError(f"the run {run} has {status}; there is nothing to resume")


def saved_table(origin: Mapping[str, Any]) -> SavedTable:
    """What a run on a table was begun with, from what its settings.json says of the data."""
    from multilayer.reading.table_format import TableFormat
    from multilayer.columns.value_format import ValueFormat
    from multilayer.fit.table_source import ColumnRoles

    roles: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in origin["roles"].items()
    }
    roles["table_format"] = TableFormat(**roles.get("table_format", {}))  # older folders have none
    if "values" in roles:
        roles["values"] = ValueFormat.from_json(roles["values"])
    task, limit = cast("Task", origin["task"]), origin.get("memory_limit")
    return SavedTable(ColumnRoles(**roles), task, origin["validation"], limit)


def format_of_run(run: str | Path, data: str | Path) -> "TableFormat":
    """How a file is written, if it is one that a run was trained or measured on.

    Args:
        run: a run folder, or a model file.
        data: a table's file.

    Returns:
        The run's format for its own files; nothing of it for any other.
    """
    from multilayer.reading.table_format import TableFormat

    if not (Path(run) / "settings.json").is_file():
        return TableFormat()
    origin = read_settings(run)["data"]
    if origin["kind"] != "table":
        return TableFormat()
    own = str(Path(data).expanduser().absolute())
    try:
        own_format = TableFormat(**origin["roles"].get("table_format", {}))
    except (TypeError, SettingsError) as error:
        raise RunFolderError(f"{run}/settings.json does not describe a table: {error}") from error
    if own_format == TableFormat() or own in (origin.get("load"), origin.get("validation")):
        return own_format
    digest = file_digest(data)
    digests = (origin.get("sha256"), origin.get("validation_sha256"))
    return own_format if digest is not None and digest in digests else TableFormat()
