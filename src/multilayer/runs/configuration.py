"""What a run trains on what: everything that it is begun with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError
from multilayer.fit.moved_data import find_folder, locate_data
from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.recipes.recipes import recipe
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.runs.run_documents import read_results, read_settings

if TYPE_CHECKING:
    from multilayer.columns.target_values import Task
    from multilayer.fit.column_roles import ColumnRoles


@dataclass(frozen=True)
class RunConfiguration:
    """What a run is begun with.

    Attributes:
        data: "fashion-mnist", "digits", or the path of an MNIST-like folder; with `roles` a file
            that `read_table` takes.
        roles: what the columns of a table are for; None: the data are images.
        recipe_name: which recipe the settings begin as; None: "chapter" for images, "default" for
            tables.
        changes: settings that shall differ from the recipe's, by name.
        output: the run folder, empty or not there yet; None: the next free one under runs/.
        checkpoint_every: how often the state is kept, as `CheckpointPlan.read` takes it; None:
            after each epoch, at most once in 30 seconds.
        is_resumed: `output` is the folder of a run that was killed or interrupted. It goes on bit
            for bit as if it had not been, from its newest whole checkpoint, or from the beginning
            if it has none; `saved_in` reads the rest of its configuration.
        data_dir: of images: where to look for the data set first.
        task: of a table: None: as `infer_task` finds it.
        validation: of a table: a file of rows to be measured on; None: they are held out as the
            settings say.
        is_strict: of a table: a row without target is an error.
        memory_limit: of a table: its rows stay on the disk, and the process takes at most so many
            bytes; None: they are all in memory.

    Raises:
        SettingsError: `checkpoint_every` is no number of epochs or seconds.
    """

    data: str | Path
    roles: "ColumnRoles | None" = None
    recipe_name: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    output: str | Path | None = None
    checkpoint_every: str | None = None
    is_resumed: bool = False
    data_dir: str | Path | None = None
    task: "Task | None" = None
    validation: str | Path | None = None
    is_strict: bool = False
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse a wrong `checkpoint_every` before the data are read."""
        CheckpointPlan.read(self.checkpoint_every)

    @property
    def kind(self) -> Literal["images", "table"]:
        """The kind of data, as settings.json has it."""
        return "images" if self.roles is None else "table"

    @property
    def recipe(self) -> str:
        """The recipe's name."""
        return self.recipe_name or ("chapter" if self.roles is None else "default")

    def image_settings(self) -> TrainingSettings:
        """The settings of a run on images, which do not depend on the data.

        Raises:
            SettingsError: the recipe or a setting is unknown or out of range.
        """
        if len(self.changes) == len(fields(TrainingSettings)):  # all are given, whatever the recipe
            return TrainingSettings(**self.changes)
        return recipe(self.recipe, **self.changes)

    @classmethod
    def saved_in(cls, run: str | Path) -> Self:
        """The configuration of the run in a folder, for it to go on.

        Data that have moved together with the run folder are found again.

        Raises:
            RunFolderError: it is no run folder or damaged, its run has ended, or its rows came
                through the standard input.
        """
        document = read_settings(run)
        origin = document["data"]
        try:
            settings = TrainingSettings(**document["settings"])
            if origin["kind"] == "table":
                origin = locate_data(run, origin)
            elif Path(origin["load"]).is_absolute():  # other data are known by their name
                origin = {**origin, "load": find_folder(run, origin["load"])}
            saved = cls(
                origin["load"],
                roles_of(origin),
                document["recipe"],
                asdict(settings),
                run,
                is_resumed=True,
                data_dir=origin.get("data_dir"),
                task=origin["task"] if origin["kind"] == "table" else None,
                validation=origin.get("validation"),
                memory_limit=origin.get("memory_limit"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{run}/settings.json does not describe a run: {error}") from error
        _check_is_open(Path(run), origin["kind"])
        if STANDARD_INPUT in (saved.data, saved.validation):
            raise RunFolderError(
                f"the rows of {run} came through the standard input, and cannot be read again"
            )
        return saved

    def changed(self, changes: Mapping[str, Any], **others: Any) -> Self:
        """The same with other settings, and other values of the attributes."""
        return replace(self, changes={**self.changes, **changes}, **others)


def roles_of(origin: Mapping[str, Any]) -> "ColumnRoles | None":
    """What settings.json says that the columns of a table are for; None of images.

    Raises:
        TypeError, ValueError: it is damaged.
    """
    if origin["kind"] != "table":
        return None
    from multilayer.columns.value_format import ValueFormat
    from multilayer.fit.column_roles import ColumnRoles
    from multilayer.reading.table_format import TableFormat

    roles: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in origin["roles"].items()
    }
    roles["table_format"] = TableFormat(**roles.get("table_format", {}))  # older folders have none
    if "values" in roles:
        roles["values"] = ValueFormat.from_json(roles["values"])
    return ColumnRoles(**roles)


def _check_is_open(run: Path, kind: str) -> None:
    if not (run / "results.json").exists():
        return
    status = read_results(run).get("status")
    # A run draws after its results are there, and may be killed meanwhile.
    last = run / ("first_layer.png" if kind == "images" else "curves.png")
    if status == "diverged" or (status != "interrupted" and last.exists()):
        raise RunFolderError(f"the run {run} has {status}; there is nothing to resume")
