"""Where the data of a run are now: what counts is their content, not their path."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from multilayer.errors import RunFolderError, TableError
from multilayer.ordinary_files import open_regular
from multilayer.reading.byte_stream import is_compressed, open_unpacked

_MOST_PARTS = 4  # of a path that are looked for elsewhere, and folders around a run to look in
_PLACES = ("source", "name", "load", "data_dir", "validation")


def file_digest(path: str | Path) -> str | None:
    """SHA-256 of a file's bytes; None for what cannot be read twice.

    Raises:
        TableError: it cannot be read.
    """
    path = Path(path).expanduser()
    if not is_there(path) or not path.is_file():
        return None
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TableError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def unpacked_digest(path: str | Path) -> str | None:
    """SHA-256 of what a compressed file holds; None for others, and for a damaged one."""
    path = Path(path).expanduser()
    if not is_there(path) or not path.is_file() or not is_compressed(path):
        return None
    try:
        with open_unpacked(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, TableError):  # reading its rows says what is wrong
        return None


def is_there(path: str | Path) -> bool:
    """Whether a path that a run folder names leads to something that may be looked at."""
    try:
        os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # of names too long, folders of others, …
        return False
    return True


def find_table(run: str | Path, path: str, sha256: str | None) -> str:
    """Where a file is now: at its path, or where the same content is if its project was moved.

    It is looked for by the last parts of its path, in the working folder and in the folders around
    the run folder.

    Args:
        run: the run folder.
        path: as settings.json has it.
        sha256: of its content; None: not known, and it is not looked for.

    Returns:
        The path as it was given, if it is nowhere else either.
    """
    if sha256 is None or is_there(path):
        return path
    for candidate in _elsewhere(run, path):
        if is_there(candidate) and candidate.is_file() and file_digest(candidate) == sha256:
            return str(candidate)
    return path


def find_folder(run: str | Path, path: str) -> str:
    """Where a folder of pictures is now, by its name alone: whoever reads it checks its content."""
    if is_there(path):
        return path
    return next(
        (str(found) for found in _elsewhere(run, path) if is_there(found) and found.is_dir()), path
    )


def where_data_are(
    run: str | Path, origin: Mapping[str, Any], given: str | Path | None = None
) -> dict[str, Any]:
    """What settings.json says of a table, with the paths of files that have moved.

    Args:
        run: the run folder.
        origin: what its settings.json says.
        given: where the table is now; None: it is looked for.
    """
    found = {**origin, "load": str(given or find_table(run, origin["load"], origin.get("sha256")))}
    validation = origin.get("validation")
    if validation is not None:
        validation = find_table(run, validation, origin.get("validation_sha256"))
    return found | {"validation": validation}


def check_is_there(run: str | Path, path: str | Path) -> None:
    """Say that a table has moved to where nobody finds it.

    Raises:
        RunFolderError: it is not there.
    """
    if not is_there(path):
        raise RunFolderError(
            f"the table {path} of the run {run} is not there any more; name where it is now"
        )


def without_places(data: Mapping[str, Any]) -> dict[str, Any]:
    """What settings.json says of data, without where they were, if it says what they hold."""
    names = _PLACES if data.get("sha256") else _PLACES[:1]
    return {name: value for name, value in data.items() if name not in names}


def _elsewhere(run: str | Path, path: str) -> Iterator[Path]:
    folder = Path(run).absolute()
    parts = Path(path).parts[-_MOST_PARTS:]
    for around in (Path.cwd(), folder, *folder.parents[:_MOST_PARTS]):
        for start in reversed(range(len(parts))):
            if parts[start] != Path(path).anchor:
                yield around.joinpath(*parts[start:])
