"""The states of a run that are kept on disk, so that it can go on after anything."""

import math
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.container.reading import read_container
from multilayer.errors import ModelFileError, OutputError, SettingsError, reason_of
from multilayer.files import remove_file, remove_leftovers

if TYPE_CHECKING:
    from multilayer.engine.state import TrainingState

DEFAULT_SECONDS_BETWEEN = 30.0
_NAME = re.compile(r"epoch-(\d+)-batch-(\d+)\.safetensors")


@dataclass(frozen=True)
class CheckpointPlan:
    """When the state of a run is kept.

    Args:
        num_epochs: after so many epochs; None: by time alone.
        seconds: after so many seconds, between two batches, where epochs do not count; where they
            do, at most once in so many seconds.
    """

    num_epochs: int | None = 1
    seconds: float = DEFAULT_SECONDS_BETWEEN

    @classmethod
    def read(cls, text: str | None) -> "CheckpointPlan":
        """The plan that a person writes: "3" is every three epochs, "90s" every 90 seconds.

        None is after each epoch, at most once in 30 seconds.

        Raises:
            SettingsError: it is neither.
        """
        if text is None:
            return cls()
        if re.fullmatch(r"[1-9]\d{0,8}", text):
            return cls(int(text), 0.0)
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", text):
            return cls(None, float(text[:-1]))
        raise SettingsError(
            f"checkpoint_every must be a number of epochs, such as 3, or of seconds, such as 90s; "
            f"it is {text!r}"
        )


class Checkpoints:
    """Keeps the newest states of a run and the best one, each in a file of its own.

    A file is written beside the training, in a thread of its own, for the disk takes as long as a
    tenth of a short epoch. Whoever trains does so in a `with` block, at whose end the last file is
    there. An older file is removed only after a newer one has been written to the disk, read back
    and found whole.

    Args:
        folder: for the files; made with the first one.
        plan: when a state is due.
        num_kept: how many of the newest are kept, beside the best.
    """

    def __init__(
        self, folder: Path, plan: CheckpointPlan = CheckpointPlan(), num_kept: int = 2
    ) -> None:
        self._folder, self._plan, self._num_kept = folder, plan, num_kept
        self._last_time, self._num_epochs = time.monotonic(), 0
        self._best: Path | None = None
        self._best_score = -math.inf
        self._newest: list[Path] = []  # whole ones, the newest last
        self._writer = ThreadPoolExecutor(1, "checkpoints")
        self._being_written: Future[None] | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # An error in the block is the one to tell.
        with nullcontext() if kind is None else suppress(OutputError):
            self.finish()

    def is_due(self, *, is_epoch_over: bool) -> bool:
        """See `engine.state.StateKeeper`."""
        self._num_epochs += is_epoch_over
        if self._plan.num_epochs is not None and self._num_epochs < self._plan.num_epochs:
            return False
        if self._plan.num_epochs is not None and not is_epoch_over:
            return False
        return time.monotonic() - self._last_time >= self._plan.seconds

    def keep(self, state: "TrainingState") -> None:
        """Begin to write a state, once the one before is written.

        Raises:
            OutputError: the one before could not be written, or was not read back as it was.
        """
        self.finish()
        self._being_written = self._writer.submit(self._write, state)
        self._last_time, self._num_epochs = time.monotonic(), 0

    def finish(self) -> None:
        """Wait until what is being written is on the disk.

        Raises:
            OutputError: it could not be written, or was not read back as it was.
        """
        written, self._being_written = self._being_written, None
        if written is not None:
            written.result()

    def latest(self) -> tuple["TrainingState | None", list[str]]:
        """The newest state that is whole, and a line about each newer one that is not.

        Whoever goes on from it must have the folder to itself: what killed processes left
        half-written is removed.
        """
        from multilayer.engine.state import TrainingState

        if not self._folder.is_dir():
            return None, []
        remove_leftovers(self._folder)
        latest, whole, complaints = None, [], []
        for path in self._files():
            try:
                state = TrainingState.load(path)
            except ModelFileError as error:
                complaints.append(f"a damaged checkpoint is left out: {error}")
                continue
            self._note(path, state)
            latest = state
            whole.append(path)
        self._remove_all_but_needed(whole)
        return latest, complaints

    def _write(self, state: "TrainingState") -> None:
        """Write a state, make sure that it is whole, and remove what is no longer needed."""
        path = (
            self._folder / f"epoch-{state.epoch:05d}-batch-{state.num_batches_done:07d}.safetensors"
        )
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {self._folder}: {reason_of(error)}"
            ) from error
        checksum = state.save(path)
        try:
            is_whole = read_container(path).checksum == checksum
        except ModelFileError as error:
            raise OutputError(f"the disk did not keep what was written: {error}") from error
        if not is_whole:
            raise OutputError(f"the disk did not keep what was written to {path}")
        self._note(path, state)
        self._remove_all_but_needed(self._files())

    def _note(self, path: Path, state: "TrainingState") -> None:
        """Remember a file that is whole, the newest so far."""
        self._newest = [*[known for known in self._newest if known != path], path]
        self._newest = self._newest[-self._num_kept :]
        score = state.score if state.num_batches_done == 0 else None
        if score is not None and score >= self._best_score:
            self._best, self._best_score = path, score

    def _remove_all_but_needed(self, paths: list[Path]) -> None:
        for path in paths:
            if path not in self._newest and path != self._best:
                remove_file(path)

    def _files(self) -> list[Path]:
        """All checkpoints, the oldest first."""
        places = []
        for path in self._folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None:
                places.append((int(match[1]), int(match[2]), path))
        return [path for _, _, path in sorted(places)]
