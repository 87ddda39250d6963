"""The folder of a run while it trains: created for a new run, or resumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.engine.fingerprints import as_json, check_same_training
from multilayer.engine.records import history_line
from multilayer.fit.moved_data import without_paths
from multilayer.runs.checkpoints import CheckpointPlan, Checkpoints
from multilayer.runs.run_documents import read_settings
from multilayer.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from multilayer.engine.state import TrainingState


@dataclass(frozen=True)
class OpenRun:
    """A run's locked folder, and the state to resume from.

    Attributes:
        folder: the run folder.
        keeper: writes its checkpoints.
        state: where the training resumes; None: at the start.
        notes: damaged checkpoints found when the run was resumed, a line each.
        history: a line for each epoch before `state`.
    """

    folder: RunFolder
    keeper: Checkpoints
    state: "TrainingState | None"
    notes: tuple[str, ...]
    history: tuple[dict[str, Any], ...]

    @classmethod
    def create(
        cls, folder: RunFolder, description: Mapping[str, Any], plan: CheckpointPlan
    ) -> "OpenRun":
        """Start a run in an empty folder.

        Args:
            folder: the folder.
            description: the content of settings.json.
            plan: when to write checkpoints.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            folder.write_json("settings.json", description)
        except BaseException:
            folder.release()
            raise
        return cls(folder, _checkpoints(folder, plan), None, (), ())

    @classmethod
    def resume(
        cls, path: str | Path, description: Mapping[str, Any], plan: CheckpointPlan
    ) -> "OpenRun":
        """Resume a run from its newest undamaged checkpoint, or from the start without one.

        Args:
            path: the folder.
            description: what its settings.json must hold.
            plan: when to write checkpoints from here on.

        Raises:
            CheckpointError: data, settings or versions differ from those of the run.
            RunFolderError: another process writes into the folder, or it is not a run folder.
            OutputError: the folder cannot be written.
        """
        folder = RunFolder.reopened(path)
        try:
            saved = read_settings(path)
            given = as_json(description)
            check_same_training(_compared(saved, saved), _compared(given, saved))
            if saved["data"] != as_json(description["data"]):  # they were moved
                folder.write_json("settings.json", {**saved, "data": description["data"]})
            keeper = _checkpoints(folder, plan)
            state, notes = keeper.latest()
            history = [] if state is None else [history_line(record) for record in state.history]
            folder.write_lines("history.jsonl", history)
        except BaseException:
            folder.release()
            raise
        return cls(folder, keeper, state, tuple(notes), tuple(history))

    @property
    def place(self) -> tuple[int, int] | None:
        """The epoch, and its batches done, from which the run resumes; None: the start."""
        state = self.state
        return None if state is None else (state.epoch, state.num_batches_done)


def _compared(description: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """The settings to compare, without the paths of the data and sentences about its columns.

    Keys that an earlier version did not write are not compared; the checkpoint has a checksum of
    the training data.
    """
    known = _as_far_as_known(description["data"], without_paths(saved["data"]))
    schema = known.get("schema")
    if isinstance(schema, dict):  # another version may word its sentences differently
        columns = [{**column, "reason": ""} for column in schema["columns"]]
        known["schema"] = {**schema, "columns": columns, "warnings": []}
    return {**description, "data": known}


def _as_far_as_known(value: Any, saved: Any) -> Any:
    """A value without the keys that the saved one lacks, recursively."""
    if isinstance(value, dict) and isinstance(saved, dict):
        return {name: _as_far_as_known(value.get(name), saved[name]) for name in saved}
    if isinstance(value, list) and isinstance(saved, list) and len(value) == len(saved):
        return [_as_far_as_known(one, other) for one, other in zip(value, saved, strict=True)]
    return value


def _checkpoints(folder: RunFolder, plan: CheckpointPlan) -> Checkpoints:
    return Checkpoints(folder.path / "checkpoints", plan)
