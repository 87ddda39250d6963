"""Find the data of a run again after they were moved, by their SHA-256."""

import glob
import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from multilayer.errors import DataWarning, RunFolderError, TableError, reason_of
from multilayer.ordinary_files import open_regular
from multilayer.reading.byte_stream import is_compressed, open_unpacked
from multilayer.reading.table_files import TableFile, find_table_files, is_many_files

_MOST_PARTS = 4  # trailing parts of a path to search for, and parents of a run to search in
_PATH_KEYS = ("source", "name", "load", "data_dir", "validation")


def file_digest(path: str | Path) -> str | None:
    """SHA-256 of a file's bytes; None if it is missing, or a pipe.

    Of a table of many files it is that of the lines that `sha256sum` writes of them, in order.

    Raises:
        TableError: it cannot be read.
    """
    if is_many_files(path):
        return _digest_of_files(path) if is_there(path) else None
    path = Path(path).expanduser()
    if not is_there(path) or not path.is_file():
        return None
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error


def _digest_of_files(path: str | Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of files left out: reading gives it
        files = find_table_files(path)
    return digest_of_digests(files, digests_of(files))


def digests_of(files: Sequence[TableFile]) -> tuple[str, ...]:
    """SHA-256 of each file of a table, several at a time.

    Raises:
        TableError: one cannot be read.
    """
    # Not more, as they may lie on one disk; the interpreter's lock is free while bytes are hashed.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return tuple(digest or "" for digest in pool.map(file_digest, [f.path for f in files]))


def digest_of_digests(files: Sequence[TableFile], digests: Sequence[str]) -> str:
    """SHA-256 of a table of many files; see `file_digest`."""
    digest = hashlib.sha256()
    for file, of_file in zip(files, digests, strict=True):
        digest.update(f"{of_file}  {file.name}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def unpacked_digest(path: str | Path) -> str | None:
    """SHA-256 of the decompressed content; None if not compressed, or damaged."""
    path = Path(path).expanduser()
    if not is_there(path) or not path.is_file() or not is_compressed(path):
        return None
    try:
        with open_unpacked(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, TableError):  # reading its rows raises the error
        return None


def is_there(path: str | Path) -> bool:
    """Whether a path exists and is accessible, or files that a pattern names; never raises."""
    try:
        os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # a name too long, no permission, …
        return is_many_files(path) and any(glob.iglob(str(path), recursive=True))  # noqa: PTH207
    return True


def find_table(run: str | Path, path: str, sha256: str | None) -> str:
    """The current path of a file; if it was moved, that of a file with the same content.

    It is searched by the last parts of its path, in the working folder and in the folders around
    the run folder.

    Args:
        run: the run folder.
        path: from settings.json.
        sha256: of its content; None: unknown, so that it is not searched.

    Returns:
        The path found; `path` itself if there is none.
    """
    if sha256 is None or is_there(path):
        return path
    for candidate in _elsewhere(run, path):
        with suppress(TableError):  # a folder of the same name that holds something else
            if is_there(candidate) and file_digest(candidate) == sha256:
                return str(candidate)
    return path


def find_folder(run: str | Path, path: str) -> str:
    """The current path of a folder of images, by its name; the reader checks its content."""
    if is_there(path):
        return path
    return next(
        (str(found) for found in _elsewhere(run, path) if is_there(found) and found.is_dir()), path
    )


def locate_data(
    run: str | Path, origin: Mapping[str, Any], given: str | Path | None = None
) -> dict[str, Any]:
    """The `data` of settings.json with the current paths of its files.

    Args:
        run: the run folder.
        origin: the `data` of its settings.json.
        given: the table's current path; None: it is searched.
    """
    found = {**origin, "load": str(given or find_table(run, origin["load"], origin.get("sha256")))}
    validation = origin.get("validation")
    if validation is not None:
        validation = find_table(run, validation, origin.get("validation_sha256"))
    return found | {"validation": validation}


def check_is_there(run: str | Path, path: str | Path) -> None:
    """Check that the table of a run exists.

    Raises:
        RunFolderError: it does not.
    """
    if not is_there(path):
        raise RunFolderError(
            f"the table {path} of the run {run} no longer exists; name the file where it is now"
        )


def without_paths(data: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of settings.json without paths, if a SHA-256 identifies the content."""
    names = _PATH_KEYS if data.get("sha256") else _PATH_KEYS[:1]
    return {name: value for name, value in data.items() if name not in names}


def _elsewhere(run: str | Path, path: str) -> Iterator[Path]:
    folder = Path(run).absolute()
    parts = Path(path).parts[-_MOST_PARTS:]
    for around in (Path.cwd(), folder, *folder.parents[:_MOST_PARTS]):
        for start in reversed(range(len(parts))):
            if parts[start] != Path(path).anchor:
                yield around.joinpath(*parts[start:])
