"""Files as the project writes them: whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from multilayer.errors import OutputError


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its place at `path` only when it is complete on disk.

    The bytes go to a new file in the same folder, are flushed to the disk, and replace what was
    at `path` in one step. After an error, a kill or a power cut `path` holds either the old
    content or the new, and an error leaves no temporary file.

    Raises:
        OutputError: the file cannot be written (no permission, disk full, …).
    """
    path = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(_cannot_write(path, error)) from error
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replace_atomically(path) as file:
        file.write(text.encode())


def _cannot_write(path: Path, error: OSError) -> str:
    return f"cannot write {path}: {(error.strerror or str(error)).lower()}"


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
