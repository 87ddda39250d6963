"""Files as the project writes them: whole or not at all; and those that grow line by line.

Every operation on a file goes through `os`, one call an operation, so that a test can make each
of them fail in turn.
"""

import errno
import fcntl
import hashlib
import io
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from multilayer.errors import OutputError

_TEMPORARY_ENDING = ".part"
_SECONDS_UNTIL_LOCKED = 60.0
_BUFFER_BYTES = 1 << 20
LARGEST_LINES_BYTES = 1 << 28  # of a file that grows by lines, to be read
LARGEST_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16  # searched at once for the end of the last whole line
_SECONDS_FOR_A_WRITER = 0.5
# Pipes that the shell has made, which have a writer already.
_DESCRIPTORS = re.compile(r"/dev/(stdin|fd/\d+)|/proc/(self|\d+)/fd/\d+")


def open_regular(path: str | Path, *, may_be_pipe: bool = False) -> io.BufferedReader:
    """Open a file for reading; never wait for what is not an ordinary file.

    Args:
        path: the file.
        may_be_pipe: a pipe that somebody writes to will do too.

    Raises:
        OSError: it cannot be opened; it is a folder, a device, a socket or a pipe; or it gives
            nothing to read now, as some files under /proc do. Its `strerror` is a clause.
        ValueError: no file can have such a name.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 (Path.stat is the same, but for its NUL error)
    if stat.S_ISFIFO(mode) and may_be_pipe:
        return os.fdopen(_open_pipe(path), "rb")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}; it must be an ordinary file")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(status.st_mode)} now")
        if not status.st_size:  # of which the system makes the content up
            os.pread(descriptor, 1, 0)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it gives nothing to read; it is no ordinary file") from None
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _open_pipe(path: str | Path) -> int:
    """A pipe's descriptor, once somebody has opened it to write."""
    if _DESCRIPTORS.fullmatch(str(path)):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened: list[int] = []
    waiting = threading.Thread(
        target=lambda: opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC)), daemon=True
    )
    waiting.start()
    waiting.join(_SECONDS_FOR_A_WRITER)
    if waiting.is_alive():
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK))  # lets it go on
        waiting.join()
        os.close(opened[0])
        raise OSError(errno.EINVAL, "it is a pipe that nobody writes to")
    if not opened:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return opened[0]


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "something else")


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
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a disk without locks: then nobody removes what was abandoned
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise _cannot_write(path, error) from error
    try:
        with io.BufferedWriter(_Descriptor(descriptor), _BUFFER_BYTES) as file:
            yield file
            file.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(temporary, target)  # noqa: PTH105
        _sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            os.unlink(temporary)  # noqa: PTH108
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
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


def append_line(path: str | Path, line: str) -> None:
    """Add a line to a file that grows, in one piece.

    A last line that an earlier kill or power cut has torn is cut off first; after an error the
    file is as it was before. A symbolic link is an error. The line survives the death of the
    process at once. It is not flushed to the disk, which would cost as much as a short epoch: after
    a power cut lines may be missing from the end, down to the last `sync_file`.

    Raises:
        OutputError: it cannot be written.
    """
    path = Path(path)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666)
        try:
            size = os.lseek(descriptor, 0, os.SEEK_END)
            whole = _end_of_whole_lines(descriptor, size)
            if whole < size:
                os.ftruncate(descriptor, whole)
            os.lseek(descriptor, whole, os.SEEK_SET)
            try:
                rest = memoryview(f"{line}\n".encode(errors="backslashreplace"))
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except BaseException:
                with suppress(OSError):  # a torn line is also cut off by whoever reads
                    os.ftruncate(descriptor, whole)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _cannot_write(path, error) from error


def open_to_go_on(path: str | Path, num_bytes: int) -> IO[bytes]:
    """Open a file that grows by pieces, to write on after its first `num_bytes` bytes.

    What was written later, of which nobody knows whether it is whole, is cut off.

    Raises:
        OutputError: it cannot be opened or cut.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.ftruncate(descriptor, num_bytes)
            os.lseek(descriptor, num_bytes, os.SEEK_SET)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    return os.fdopen(descriptor, "wb")


def sync_file(path: str | Path) -> None:
    """Make a file that grew, and its name, survive a power cut.

    Raises:
        OutputError: the disk does not take it.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def read_regular(path: str | Path, most_bytes: int) -> bytes:
    """The whole content of an ordinary file.

    Raises:
        OSError: it cannot be read, is no ordinary file, or is larger.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most_bytes else file.read(most_bytes + 1)
        if size > most_bytes or len(content) > most_bytes:
            raise OSError(f"it has {max(size, len(content)):,} bytes; {most_bytes:,} are the most")
    return content


def whole_lines(
    path: str | Path,
    most_bytes: int = LARGEST_LINES_BYTES,
    most_bytes_of_a_line: int = LARGEST_LINE_BYTES,
) -> list[str]:
    """The lines of a file that `append_line` writes, without one that was torn at the end.

    Args:
        path: the file.
        most_bytes: that it may have.
        most_bytes_of_a_line: that a line may have.

    Raises:
        OSError: it cannot be read, is no ordinary file, or it or a line is larger.
        UnicodeDecodeError: it is not UTF-8.
    """
    lines = []
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise OSError(f"it has {size:,} bytes; {most_bytes:,} are the most")
        while (line := file.readline(most_bytes_of_a_line + 1)).endswith(b"\n"):
            lines.append(line[:-1].decode())
    if len(line) > most_bytes_of_a_line:
        raise OSError(
            f"its line {len(lines) + 1} has more than {most_bytes_of_a_line:,} bytes, the most"
        )
    return lines


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
            raise _cannot_write(path, error) from error


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
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot remove {path}: {reason}") from error


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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(descriptor)
        # A file that has just been made is empty until it is locked.
        if status.st_size or time.time() - status.st_mtime > _SECONDS_UNTIL_LOCKED:
            os.unlink(path)  # noqa: PTH108
    finally:
        os.close(descriptor)


def _end_of_whole_lines(descriptor: int, size: int) -> int:
    """How many bytes of a file belong to lines that have their end."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0


def _cannot_write(path: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    name = str(path) if str(path).isprintable() else repr(str(path))
    return OutputError(f"cannot write {name}: {reason.lower()}")


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
