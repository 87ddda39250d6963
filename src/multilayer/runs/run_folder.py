"""The folder that a training run writes.

settings.json      settings and data
history.jsonl      a line an epoch
checkpoints/       states of the training to resume from
results.json       status and scores
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
# A folder that is missing and would be called so is a file to whoever asks for it.
_FILE_SUFFIXES = (".png", ".svg", ".gif", ".jpg", ".jpeg", ".pdf", ".html", ".csv", ".json")
_SPARE_BYTES = 1 << 20  # pictures and JSON beside the weights


class RunFolder:
    """A folder that a run writes into, locked until `release` or the end of the process.

    Args:
        path: the folder; created if missing, and must be empty otherwise. None: the first free one
            of runs/NAME-001, runs/NAME-002, …
        name: the NAME above.
        num_bytes_expected: size of the model file.
        asked: identifies the job: a folder in which the same job was killed before its end is used
            again.

    Raises:
        OutputError: the folder is not empty, cannot be written, is named as a picture or table is,
            or its disk is too full.
        RunFolderError: another process holds the lock; the message says which and since when.
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
                if Path(path).suffix.lower() in _FILE_SUFFIXES and not Path(path).exists():
                    raise OutputError(
                        f"{path} would be a folder, as several files are written; name one without "
                        f"{Path(path).suffix} (--output)"
                    )
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
        """Open the folder of a run to resume; removes temporary files that a kill left.

        Args:
            path: the folder.
            document: a JSON file that it must have.

        Raises:
            RunFolderError: it is not a run folder, or another process holds the lock.
            OutputError: it cannot be written, or a file in it is a symbolic link.
        """
        read_json(path, document)
        _check_has_no_links(Path(path))
        folder = cls.__new__(cls)
        folder.path, folder._made, folder._asked = Path(path), [], None
        folder._lock = RunLock(folder.path)
        remove_leftovers(folder.path)
        return folder

    @classmethod
    def is_of_job(cls, path: Path, asked: str) -> bool:
        """Whether a job began to fill a folder and has not said that it is complete."""
        marker = path / _UNFINISHED_NAME
        content = asked.encode(errors="backslashreplace")
        try:
            return marker.stat().st_size == len(content) and marker.read_bytes() == content
        except OSError:
            return False

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # everything is there: the folder is not to be filled again
            remove_file(self.path / _UNFINISHED_NAME)
            self.release()
        else:
            self.remove_if_empty()

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a JSON file; NaN and infinity raise ValueError."""
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self.path / name, text + "\n")

    def append_line(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a line to a JSON-lines file."""
        line = json.dumps(document, ensure_ascii=False, allow_nan=False)
        append_line(self.path / name, line)

    def write_lines(self, name: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Replace a JSON-lines file atomically."""
        lines = [json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in documents]
        write_text(self.path / name, "".join(f"{line}\n" for line in lines))

    def sync(self, name: str) -> None:
        """Flush the lines added to a file to disk."""
        sync_file(self.path / name)

    def names(self) -> list[str]:
        """The names of the files in the folder, without hidden ones."""
        return sorted(path.name for path in self.path.iterdir() if path.name[0] != ".")

    def remove_if_empty(self) -> None:
        """Remove the folders that this object created, if they are empty."""
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
            raise OutputError(f"the output folder {path} is not empty; name another one (--output)")
        remove_leftovers(path)  # of a process that was killed before it wrote anything
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
            except RunFolderError:  # another process writes into it
                pass
            except FileExistsError:  # another process created it in between
                pass
            number += 1

    @staticmethod
    def _content(path: Path) -> Iterator[Path]:
        """The entries of a folder without lock, marker and temporary files."""
        for entry in path.iterdir():
            if entry.name not in (LOCK_NAME, _UNFINISHED_NAME) and not is_leftover(entry):
                yield entry

    def _is_unfinished(self, path: Path) -> bool:
        """Whether the same job was started in a folder and not finished."""
        return self._asked is not None and self.is_of_job(path, self._asked)

    def _check_space(self, num_bytes_needed: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < num_bytes_needed:
            raise OutputError(
                f"the disk of {self.path} has {free / 1e6:.1f} MB left; "
                f"the run needs {num_bytes_needed / 1e6:.1f} MB"
            )


def model_path(run: str | Path) -> Path:
    """The path of the model file of a run folder; the path of a model file is returned as it is.

    Raises:
        RunFolderError: there is no model file.
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
    """Resuming writes and removes files, so that links to files elsewhere are not allowed."""
    for folder in (path, path / "checkpoints"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            check_is_no_link(entry)
