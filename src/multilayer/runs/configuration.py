"""The configuration of a run: data, settings, output."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError
from multilayer.fit.moved_data import find_folder, locate_data
from multilayer.images.datasets import require_no_data_dir
from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.recipes.recipes import recipe
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.runs.run_documents import read_results, read_settings

if TYPE_CHECKING:
    from multilayer.columns.target_values import Task
    from multilayer.fit.column_roles import ColumnRoles


@dataclass(frozen=True)
class RunConfiguration:
    """The arguments of a run.

    Attributes:
        data: "fashion-mnist", "digits", or the path of an MNIST-like folder; with `roles` a file
            that `read_table` takes.
        roles: what the columns of a table are for; None for images.
        recipe_name: see `recipe`; None: "chapter" for images, "default" for tables.
        changes: settings that differ from the recipe's, by name.
        output: the run folder, empty or missing; None: the next free one under runs/.
        checkpoint_every: see `CheckpointPlan.read`; None: after each epoch, at most once in 30
            seconds.
        is_resumed: resume the killed or interrupted run in `output`, bit for bit, from its newest
            undamaged checkpoint, or from the start without one; `saved_in` reads the rest of its
            configuration.
        data_dir: for images, where to look for the data set first.
        task: for a table; None: inferred by `infer_task`.
        validation: for a table, a file of validation rows; None: held out as the settings say.
        is_strict: for a table, a row without target is an error.
        memory_limit: for a table, keep its rows on disk and use at most so many bytes of memory;
            None: all rows are in memory.
        began: when the time of a time limit began, by `time.monotonic`.

    Raises:
        SettingsError: `checkpoint_every` is not a number of epochs or seconds.

    Examples:
        >>> from multilayer import ColumnRoles, RunConfiguration
        >>> RunConfiguration("fashion-mnist").kind
        'images'
        >>> RunConfiguration("houses.csv", ColumnRoles(("price",)), "fast", {"max_epochs": 20}).kind
        'table'
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
    began: float = field(default_factory=time.monotonic, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is wrong whatever the data, before these are read."""
        CheckpointPlan.read(self.checkpoint_every)
        if self.roles is not None:
            require_no_data_dir(self.data_dir)

    @property
    def kind(self) -> Literal["images", "table"]:
        """The kind of data, as settings.json has it."""
        return "images" if self.roles is None else "table"

    @property
    def recipe(self) -> str:
        """The recipe's name."""
        return self.recipe_name or ("chapter" if self.roles is None else "default")

    def image_settings(self) -> TrainingSettings:
        """The settings of a run on images, before the data are known.

        Raises:
            SettingsError: the recipe or a setting is unknown or out of range.
        """
        if len(self.changes) == len(fields(TrainingSettings)):  # all are given, whatever the recipe
            return TrainingSettings(**self.changes)
        return recipe(self.recipe, **self.changes)

    @classmethod
    def saved_in(cls, run: str | Path) -> Self:
        """The configuration to resume the run in a folder with.

        Data that were moved together with the run folder are found again.

        Raises:
            RunFolderError: it is not a run folder, it is damaged, its run has ended, or its rows
                came from the standard input.
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
                f"the rows of {run} came from the standard input and cannot be read again"
            )
        return saved

    def changed(self, changes: Mapping[str, Any], **others: Any) -> Self:
        """A copy with more changes of settings, and other attributes replaced."""
        return replace(self, changes={**self.changes, **changes}, **others)


def roles_of(origin: Mapping[str, Any]) -> "ColumnRoles | None":
    """The column roles in the `data` of settings.json; None for images.

    Raises:
        TypeError, ValueError: they are damaged.
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


def has_finished(run: Path) -> bool:
    """Whether nothing is left to do for a run; a diverged one has not finished.

    Raises:
        RunFolderError: the folder is damaged.
    """
    if not (run / "results.json").exists():
        return False
    is_drawn = _last_file(run, read_settings(run)["data"]["kind"]).exists()
    return is_drawn and read_results(run).get("status") == "finished"


def _check_is_open(run: Path, kind: str) -> None:
    if not (run / "results.json").exists():
        return
    status = read_results(run).get("status")
    is_drawn = _last_file(run, kind).exists()
    if status == "diverged" or (status != "interrupted" and is_drawn):
        raise RunFolderError(f"the run {run} has {status}; there is nothing to resume")


def _last_file(run: Path, kind: str) -> Path:
    """What a run writes last: it draws after it wrote its results, and may be killed in between."""
    return run / ("first_layer.png" if kind == "images" else "curves.png")
