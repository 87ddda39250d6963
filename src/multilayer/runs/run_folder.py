"""The folder that a training run leaves behind.

settings.json      what was trained on what, and how
history.jsonl      a line an epoch
checkpoints/       states of the training to go on from
results.json       how it ended, with its scores
model.safetensors  the network
curves.png, first_layer.png, …
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multilayer.errors import OutputError, RunFolderError, reason_of
from multilayer.files import (
    check_is_no_link,
    is_leftover,
    remove_file,
    remove_leftovers,
    write_text,
)
from multilayer.folder_lock import LOCK_NAME, RunLock
from multilayer.growing_files import append_line, sync_file
from multilayer.runs.run_documents import ending, read_json

MODEL_FILE = "model.safetensors"
_UNFINISHED_NAME = ".unfinished"
_SPARE_BYTES = 1 << 20  # pictures and JSON beside the weights


class RunFolder:
    """A folder being filled by a run.

    Args:
        path: the folder; made if it is not there, and must be empty if it is. None takes the
            first free one of runs/NAME-001, runs/NAME-002, …
        name: for the choice above.
        num_bytes_expected: what the model file will take.
        asked: what is being made, for folders that are filled at the end alone; one in which the
            same was begun and not finished, since the process was killed, is filled again.

    No other process may fill it meanwhile, until `release`, the end of a `with` block, or the end
    of the process.

    Raises:
        OutputError: the folder is not empty, cannot be written, or its disk is too full.
        RunFolderError: another process fills it; the message says which and since when.
    """

    def __init__(
        self,
        path: str | Path | None,
        name: str,
        num_bytes_expected: int = 0,
        asked: str | None = None,
    ) -> None:
        self._made: list[Path] = []
        self._asked = asked
        self._lock: RunLock | None = None
        try:
            if path:
                self.path = self._make(Path(path))
            else:
                self.path = self._make_next(Path("runs"), name)
            self._check_space(num_bytes_expected + _SPARE_BYTES)
            if asked is not None:
                write_text(self.path / _UNFINISHED_NAME, asked)
        except OSError as error:
            self.remove_if_empty()
            raise OutputError(
                f"cannot make the output folder {error.filename or path}: {reason_of(error)}"
            ) from error
        except OutputError:
            self.remove_if_empty()
            raise

    @classmethod
    def reopened(cls, path: str | Path, document: str = "settings.json") -> "RunFolder":
        """The folder of a run that is to go on; what a kill left half-written is removed.

        Args:
            path: the folder.
            document: the JSON file that makes it one.

        Raises:
            RunFolderError: it is no run folder, or another process fills it.
            OutputError: it cannot be written, or a file in it is a link to elsewhere.
        """
        read_json(path, document)
        _check_has_no_links(Path(path))
        folder = cls.__new__(cls)
        folder.path, folder._made, folder._asked = Path(path), [], None
        folder._lock = RunLock(folder.path)
        remove_leftovers(folder.path)
        return folder

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # everything is there: the folder is not to be filled again
            remove_file(self.path / _UNFINISHED_NAME)
            self.release()
        else:
            self.remove_if_empty()

    def release(self) -> None:
        """Let another process have the folder."""
        if self._lock is not None:
            self._lock.release()

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a JSON file; NaN and infinity are a ValueError, never in the file."""
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self.path / name, text + "\n")

    def append_line(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a line to a JSON-lines file."""
        line = json.dumps(document, ensure_ascii=False, allow_nan=False)
        append_line(self.path / name, line)

    def write_lines(self, name: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write a JSON-lines file anew, whole or not at all."""
        lines = [json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in documents]
        write_text(self.path / name, "".join(f"{line}\n" for line in lines))

    def sync(self, name: str) -> None:
        """Make the lines that were added to a file survive a power cut."""
        sync_file(self.path / name)

    def names(self) -> list[str]:
        """What is in the folder for people."""
        return sorted(path.name for path in self.path.iterdir() if path.name[0] != ".")

    def remove_if_empty(self) -> None:
        """Take back the folders that this object made, as far as nothing is in them."""
        self.release()
        if self._made and not any(self._content(self._made[0])):
            remove_file(self._made[0] / _UNFINISHED_NAME)
        for folder in self._made:
            try:
                folder.rmdir()
            except OSError:
                return
        self._made = []

    def _make(self, path: Path, *, is_new: bool = False) -> Path:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=not is_new)
        self._made = missing
        self._lock = RunLock(path)
        if any(self._content(path)) and not self._is_unfinished(path):
            raise OutputError(f"the output folder {path} is not empty; name another one")
        remove_leftovers(path)  # of a process that was killed before it had written anything
        return path

    def _make_next(self, parent: Path, name: str) -> Path:
        number = 1
        while True:
            path = parent / f"{name}-{number:03d}"
            try:
                if not path.exists():
                    return self._make(path, is_new=True)
                if self._is_unfinished(path):
                    return self._make(path)
            except RunFolderError:  # it is being filled by another process
                pass
            except FileExistsError:  # somebody else took it in between
                pass
            number += 1

    @staticmethod
    def _content(path: Path) -> Iterator[Path]:
        """What is in a folder beside what a process that fills it puts there for the time being."""
        for entry in path.iterdir():
            if entry.name not in (LOCK_NAME, _UNFINISHED_NAME) and not is_leftover(entry):
                yield entry

    def _is_unfinished(self, path: Path) -> bool:
        """Whether the same was begun in a folder and not finished."""
        marker = path / _UNFINISHED_NAME
        if self._asked is None or not marker.is_file():
            return False
        asked = self._asked.encode(errors="backslashreplace")
        return marker.stat().st_size == len(asked) and marker.read_bytes() == asked

    def _check_space(self, num_bytes_needed: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < num_bytes_needed:
            raise OutputError(
                f"the disk of {self.path} has {free / 1e6:.1f} MB left; "
                f"the run needs {num_bytes_needed / 1e6:.1f} MB"
            )


def model_path(run: str | Path) -> Path:
    """The model file of a run folder; a model file is its own.

    Raises:
        RunFolderError: there is none.
    """
    if Path(run).is_file():
        return Path(run)
    path = Path(run) / MODEL_FILE
    if not Path(run).is_dir():
        raise RunFolderError(f"there is no run folder {run}")
    if not path.is_file():
        raise RunFolderError(f"{run} is not a finished run: it has no {path.name}{ending(run)}")
    return path


def _check_has_no_links(path: Path) -> None:
    """A run that goes on writes and removes files: none of them may be elsewhere."""
    for folder in (path, path / "checkpoints"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            check_is_no_link(entry)
