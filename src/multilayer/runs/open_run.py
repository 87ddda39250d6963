"""A run and its folder while it is trained: begun anew, or taken up where it was left."""

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
    """A run's folder, which nobody else fills meanwhile, and what is known of its training.

    Attributes:
        folder: where everything goes.
        keeper: keeps the states of the training in it.
        state: where the training goes on; None: at the beginning.
        notes: what was found damaged when the run was taken up again, a line each.
        history: a line for each epoch before `state`.
    """

    folder: RunFolder
    keeper: Checkpoints
    state: "TrainingState | None"
    notes: tuple[str, ...]
    history: tuple[dict[str, Any], ...]

    @classmethod
    def begun(
        cls, folder: RunFolder, description: Mapping[str, Any], plan: CheckpointPlan
    ) -> "OpenRun":
        """Begin in an empty folder.

        Args:
            folder: the folder.
            description: what settings.json shall say: all that the training follows from.
            plan: when states are kept.

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
    def taken_up(
        cls, path: str | Path, description: Mapping[str, Any], plan: CheckpointPlan
    ) -> "OpenRun":
        """Go on in a folder from its newest whole state, or from the beginning if it has none.

        Args:
            path: the folder.
            description: what settings.json must say.
            plan: when states are kept from here on.

        Raises:
            CheckpointError: data, settings or versions are not those of the run.
            RunFolderError: another process fills the folder, or it is no run folder.
            OutputError: the folder cannot be written.
        """
        folder = RunFolder.reopened(path)
        try:
            saved = read_settings(path)
            given = as_json(description)
            check_same_training(_compared(saved, saved), _compared(given, saved))
            if saved["data"] != as_json(description["data"]):  # they have moved
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
        """The epoch that a resumed run goes on in, and its batches done; None: the beginning."""
        state = self.state
        return None if state is None else (state.epoch, state.num_batches_done)


def _compared(description: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """Without where the data were: downloaded, kept or moved, they are the same data.

    What an earlier version did not write down of the data is not compared; the checkpoint has a
    checksum of what is learned from.
    """
    known = _as_far_as_known(description["data"], without_paths(saved["data"]))
    return {**description, "data": known}


def _as_far_as_known(value: Any, saved: Any) -> Any:
    """A value without the names that a saved one does not have."""
    if isinstance(value, dict) and isinstance(saved, dict):
        return {name: _as_far_as_known(value.get(name), saved[name]) for name in saved}
    if isinstance(value, list) and isinstance(saved, list) and len(value) == len(saved):
        return [_as_far_as_known(one, other) for one, other in zip(value, saved, strict=True)]
    return value


def _checkpoints(folder: RunFolder, plan: CheckpointPlan) -> Checkpoints:
    return Checkpoints(folder.path / "checkpoints", plan)
