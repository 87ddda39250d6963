"""Checkpoints of a run: write, prune and load them."""

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
    """When to write a checkpoint.

    Args:
        num_epochs: after every so many epochs; None: by time alone.
        seconds: without `num_epochs`, the interval, checked after each batch; with it, the shortest
            time between two checkpoints.
    """

    num_epochs: int | None = 1
    seconds: float = DEFAULT_SECONDS_BETWEEN

    @classmethod
    def read(cls, text: str | None) -> "CheckpointPlan":
        """Parse a plan: "3" is every three epochs, "90s" every 90 seconds.

        None is after each epoch, at most once in 30 seconds.

        Raises:
            SettingsError: the text is neither.
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
    """Keeps the newest checkpoints of a run and the best one, each in its own file.

    Files are written in a background thread, as writing takes up to a tenth of a short epoch; the
    end of the `with` block waits for the last one. An older file is removed only after a newer one
    has been written, read back and verified.

    Args:
        folder: for the files; created with the first one.
        plan: when a checkpoint is due.
        num_kept: how many of the newest to keep, besides the best.
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
        # An error in the block takes precedence.
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
        """Start writing a state, after the previous one is written.

        Raises:
            OutputError: the previous one could not be written or verified.
        """
        self.finish()
        self._being_written = self._writer.submit(self._write, state)
        self._last_time, self._num_epochs = time.monotonic(), 0

    def finish(self) -> None:
        """Wait until the last state is on disk.

        Raises:
            OutputError: it could not be written or verified.
        """
        written, self._being_written = self._being_written, None
        if written is not None:
            written.result()

    def latest(self) -> tuple["TrainingState | None", list[str]]:
        """The newest undamaged state, and a line about each damaged one.

        Needs the lock on the folder: temporary files of killed processes are removed.
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
                complaints.append(f"a damaged checkpoint is skipped: {error}")
                continue
            self._note(path, state)
            latest = state
            whole.append(path)
        self._remove_all_but_needed(whole)
        return latest, complaints

    def _write(self, state: "TrainingState") -> None:
        """Write a state, verify it, and remove checkpoints no longer needed."""
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
            raise OutputError(f"a checkpoint is damaged after writing: {error}") from error
        if not is_whole:
            raise OutputError(f"a checkpoint is damaged after writing: {path}")
        self._note(path, state)
        self._remove_all_but_needed(self._files())

    def _note(self, path: Path, state: "TrainingState") -> None:
        """Record an undamaged file, the newest so far."""
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
