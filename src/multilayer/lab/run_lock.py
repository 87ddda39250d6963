"""Who fills a run folder: one process at a time."""

import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from multilayer.errors import OutputError, RunFolderError

LOCK_NAME = ".lock"


class RunLock:
    """Held by the process that fills a folder, until `release` or the process's end.

    The operating system keeps it, so that the lock of a process that died is free. The file says
    who holds it, for people: process, machine, and since when.

    Args:
        folder: exists.

    Raises:
        RunFolderError: another process holds it; the message says who and since when.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        self._descriptor: int | None = None
        try:
            self._descriptor = self._acquire()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot lock the run folder {folder}: {reason}") from error

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
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_at_its_place(descriptor):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, _who_we_are(), 0)
                    return descriptor
            except BlockingIOError:
                holder = os.pread(descriptor, 1000, 0)
                os.close(descriptor)
                raise RunFolderError(
                    f"the run folder {self._path.parent} is in use by {_in_words(holder)}"
                ) from None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder removed it before we had it: once more

    def _is_at_its_place(self, descriptor: int) -> bool:
        """Whether the file we locked is still the one that others will find."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _who_we_are() -> bytes:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _in_words(holder: bytes) -> str:
    try:
        known = json.loads(holder)
        return f"process {known['pid']:d} on {known['host']}, since {known['since']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not yet written who it is
        return "a process that has just begun"
