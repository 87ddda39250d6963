"""Who fills a run folder: one process at a time."""

import errno
import json
import os
import socket
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from multilayer.descriptors import lock, open_file
from multilayer.errors import OutputError, RunFolderError, reason_of

LOCK_NAME = ".lock"
_MOST_BYTES = 1000
_NO_LOCK = f"its {LOCK_NAME} is a link or another file, not a lock; remove it first"


class RunLock:
    """Held by the process that fills a folder, until `release` or the process's end.

    The operating system keeps it, so that the lock of a process that died is free. The file says
    who holds it, for people: process, machine, and since when.

    The folder may be a stranger's: a file of another kind at the lock's place, such as a link, is
    neither written nor removed.

    Raises:
        RunFolderError: another process holds it; the message says who and since when.
        OutputError: the folder cannot be written, or something else is at the lock's place.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        self._descriptor: int | None = None
        try:
            self._descriptor = self._acquire()
        except OSError as error:
            raise OutputError(f"cannot lock the run folder {folder}: {reason_of(error)}") from error

    def release(self) -> None:
        """Let others have the folder."""
        if self._descriptor is not None:
            with suppress(OSError):  # an empty file that stays is no harm
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()

    def _acquire(self) -> int:
        while True:
            descriptor = self._open()
            try:
                lock(descriptor)
                if self._is_at_its_place(descriptor):
                    _check_is_lock(descriptor)
                    os.ftruncate(descriptor, 0)
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    os.write(descriptor, _who_we_are())
                    return descriptor
            except BlockingIOError:
                holder = os.read(descriptor, _MOST_BYTES)
                os.close(descriptor)
                raise RunFolderError(
                    f"the run folder {self._path.parent} is in use by {_in_words(holder)}"
                ) from None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder removed it before we had it: once more

    def _open(self) -> int:
        try:
            return open_file(self._path, os.O_RDWR | os.O_CREAT, follow=False, wait=False)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(_NO_LOCK) from error
            raise

    def _is_at_its_place(self, descriptor: int) -> bool:
        """Whether the file we locked is still the one that others will find."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        except FileNotFoundError:
            return False


def _check_is_lock(descriptor: int) -> None:
    """Raise OSError unless a file is a lock's: ordinary, under one name, and no other's content."""
    status = os.fstat(descriptor)
    is_small_file = stat.S_ISREG(status.st_mode) and status.st_size < _MOST_BYTES
    if not is_small_file or status.st_nlink > 1:
        raise OSError(_NO_LOCK)
    content = os.read(descriptor, _MOST_BYTES)
    if content and not content.startswith(b"{"):
        raise OSError(_NO_LOCK)


def _who_we_are() -> bytes:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _in_words(holder: bytes) -> str:
    try:
        known = json.loads(holder)
        return f"process {known['pid']:d} on {known['host']}, since {known['since']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "a process that has just begun"  # it has not yet written who it is
