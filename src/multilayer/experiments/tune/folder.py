"""The folder of a study: made, gone on with, or joined while another process fills it."""

import glob
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multilayer.engine.fingerprints import as_json, differences_in_words
from multilayer.errors import OutputError, RunFolderError
from multilayer.experiments.tune.storage import JOURNAL, require_same_study
from multilayer.files import remove_file
from multilayer.runs.run_documents import read_study
from multilayer.runs.run_folder import RunFolder

DOCUMENT, RESULTS = "tune.json", "results.json"
_SECONDS_FOR_A_BEGINNING = 5.0  # between a folder's making and its document


@dataclass(frozen=True)
class StudyFolder:
    """Where a study leaves what it finds.

    Attributes:
        path: the folder.
        own: the folder as this process fills it; None: another process does, and will choose.
        is_new: the study begins.
    """

    path: Path
    own: RunFolder | None
    is_new: bool

    @classmethod
    def open(
        cls, output: str | Path | None, name: str, document: Mapping[str, Any]
    ) -> "StudyFolder":
        """Go on in a study's folder, or make one.

        Args:
            output: the folder; None: the last of runs/NAME-001, … if its study is the same and has
                no result yet, or else the next one.
            name: for the choice above.
            document: what the study is, for a new folder, and held to that of an old one.

        Raises:
            CheckpointError: the folder's study is another; the message says what differs.
            OutputError: the folder has something else in it, or cannot be written.
        """
        path = Path(output) if output else _latest(name, document)
        if path is not None and _has_study(path):
            require_same_study(path, read_study(path, DOCUMENT), document)
            return cls._gone_on_with(path)
        try:
            folder = RunFolder(path, name)
        except RunFolderError:  # another process has made it just now
            assert path is not None
            return cls._joined(path, document)
        folder.write_json(DOCUMENT, document)
        return cls(folder.path, folder, True)

    @classmethod
    def _gone_on_with(cls, path: Path) -> "StudyFolder":
        try:
            return cls(path, RunFolder.reopened(path, DOCUMENT), False)
        except RunFolderError:
            return cls(path, None, False)

    @classmethod
    def _joined(cls, path: Path, document: Mapping[str, Any]) -> "StudyFolder":
        until = time.monotonic() + _SECONDS_FOR_A_BEGINNING
        while not _has_study(path):
            if time.monotonic() > until:
                raise OutputError(f"{path} is filled by another process, and with no study")
            time.sleep(0.1)
        return cls.open(path, "", document)

    def take_back(self) -> None:
        """Leave no trace of a study that could not begin; of one that goes on, let others have it.

        Raises:
            OutputError: a file cannot be removed.
        """
        if self.own is None:
            return
        if self.is_new:
            for name in (DOCUMENT, JOURNAL):
                remove_file(self.path / name)
            self.own.remove_if_empty()
        self.own.release()

    def take_over(self) -> "StudyFolder":
        """The folder as one's own, if its process has left it without a result."""
        if self.own is not None or (self.path / RESULTS).is_file():
            return self
        return self._gone_on_with(self.path)


def _has_study(path: Path) -> bool:
    return (path / DOCUMENT).is_file()


def _latest(name: str, document: Mapping[str, Any]) -> Path | None:
    """The newest folder of that name, if it holds the same study without a result."""
    folders = sorted(Path("runs").glob(f"{glob.escape(name)}-[0-9][0-9][0-9]"))
    if not folders or not _has_study(folders[-1]) or (folders[-1] / RESULTS).is_file():
        return None
    same = not differences_in_words(read_study(folders[-1], DOCUMENT), as_json(dict(document)))
    return folders[-1] if same else None
