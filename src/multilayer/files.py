"""Files as the project writes them: whole or not at all. Those that grow: `growing_files`.

Every operation on a file goes through `os`, one call an operation, so that a test can make each
of them fail in turn.
"""

import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from multilayer.descriptors import lock, open_file
from multilayer.errors import OutputError, reason_of

_TEMPORARY_ENDING = ".part"
_SECONDS_UNTIL_LOCKED = 60.0
_BUFFER_BYTES = 1 << 20


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its place at `path` only when it is complete on disk.

    The bytes go to a new file in the same folder, are flushed to the disk, and replace what was
    at `path` in one step; then the folder is flushed too. After an error, a kill or a power cut
    `path` holds either the old content or the new. An error leaves no temporary file; what a kill
    leaves is hidden, and is removed when the same file is written again. A symbolic link is
    followed; the permissions of a file that is replaced stay.

    Raises:
        OutputError: the file cannot be written (no permission, disk full, …), or what is at
            `path` is no ordinary file.
    """
    path = Path(path)
    try:
        target, mode = _target(path)
        # A name of its own length, so that a name as long as the disk allows can be replaced.
        beginning = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}"
        _remove_abandoned(target.parent, beginning)
        temporary = target.with_name(f"{beginning}{os.urandom(8).hex()}{_TEMPORARY_ENDING}")
        descriptor = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with suppress(OSError):  # a disk without locks: then nobody removes what was abandoned
            lock(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise cannot_write(path, error) from error
    try:
        with io.BufferedWriter(_Descriptor(descriptor), _BUFFER_BYTES) as file:
            yield file
            file.flush()
            if mode is not None:
                os.chmod(temporary, mode)  # noqa: PTH101
            os.fsync(descriptor)
        os.replace(temporary, target)  # noqa: PTH105
        sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            os.unlink(temporary)  # noqa: PTH108
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


def write_text(path: str | Path, text: str) -> None:
    r"""Write `text` as UTF-8 to `path`, whole or not at all.

    A byte of a file name that is no UTF-8, which Python holds as a lone surrogate, is written as
    `\udcff`: in JSON it is read back as it was.

    Raises:
        OutputError: it cannot be written.
    """
    with replace_atomically(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def check_is_no_link(path: str | Path) -> None:
    """Make sure that a file of a folder that a stranger may have filled is not elsewhere.

    Raises:
        OutputError: it is a symbolic link, through which a file outside of the folder would change.
    """
    if os.path.islink(path):  # noqa: PTH114
        raise OutputError(f"cannot write {path}: it is a link to elsewhere; remove it first")


def remove_leftovers(folder: str | Path) -> None:
    """Remove what a killed process left half-written; only for a folder that nobody else fills.

    Raises:
        OutputError: one of them cannot be removed.
    """
    for path in filter(is_leftover, Path(folder).glob(".*")):
        try:
            os.unlink(path)  # noqa: PTH108
        except OSError as error:
            raise cannot_write(path, error) from error


def is_leftover(path: Path) -> bool:
    """Whether a name is one that a file has while it is being written."""
    return re.fullmatch(r"\.[0-9a-f]+" + re.escape(_TEMPORARY_ENDING), path.name) is not None


def remove_file(path: str | Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OutputError: it is there and cannot be removed.
    """
    try:
        os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {reason_of(error)}") from error


class _Descriptor(io.RawIOBase):
    """A file that is being written, by its number."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object) -> int:
        return os.write(self._descriptor, data)  # type: ignore[arg-type]

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def _target(path: Path) -> tuple[Path, int | None]:
    """Where the file really goes, and the permissions of what is there now, if anything is."""
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = os.stat(target).st_mode  # noqa: PTH116
    except FileNotFoundError:
        return target, None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise OSError(f"it is {kind}")
    return target, stat.S_IMODE(mode)


def _remove_abandoned(folder: Path, beginning: str) -> None:
    """Remove half-written files whose writers are gone: the lock of one that died is free."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208
            if name.startswith(beginning) and name.endswith(_TEMPORARY_ENDING):
                with suppress(OSError):
                    _remove_if_abandoned(folder / name)


def _remove_if_abandoned(path: Path) -> None:
    descriptor = open_file(path, os.O_RDONLY, follow=False)
    try:
        lock(descriptor)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)  # Windows removes no open file, and no two have one name
    # A file that has just been made is empty until it is locked.
    if status.st_size or time.time() - status.st_mtime > _SECONDS_UNTIL_LOCKED:
        os.unlink(path)  # noqa: PTH108


def cannot_write(path: Path, error: Exception) -> OutputError:
    """The error of a file that cannot be written, with the system's reason."""
    reason = getattr(error, "strerror", None) or str(error)
    name = str(path) if str(path).isprintable() else repr(str(path))
    return OutputError(f"cannot write {name}: {reason.lower()}")


def sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut; Windows does so by itself."""
    if os.name == "nt":  # which opens no folders
        return
    descriptor = open_file(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_other_file(output: str | Path, *inputs: str | Path) -> None:
    """Raise OutputError if what is to be written would take the place of what is read.

    Args:
        output: may be a link, or not there yet.
        inputs: files; names that are none, such as - for the standard input, are let through.
    """
    for path in inputs:
        with suppress(OSError, ValueError):  # there is no such file, or it cannot be a name
            if Path(output).samefile(path):
                raise OutputError(
                    f"cannot write {output}: it is {path} itself, which is read; choose another "
                    "name (--output)"
                )
