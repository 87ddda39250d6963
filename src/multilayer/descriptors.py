"""Files opened and locked by descriptor, in the same way on Linux, macOS and Windows.

A lock is the operating system's: it ends with the process that holds it. Windows locks bytes, which
nobody else may read then, so there a byte far behind the content is locked.
"""

import errno
import importlib
import os
import time
from pathlib import Path
from typing import Any

# What Windows lacks, and what the others lack: there line ends would be changed.
_EVERY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_PLACE_OF_LOCK = 1 << 30  # in bytes, on Windows; at most 2³¹
_SECONDS_BETWEEN_TRIES = 0.02


def open_file(path: str | Path, flags: int, *, follow: bool = True, wait: bool = True) -> int:
    """Open a file, which child processes do not inherit; its descriptor.

    Args:
        path: the file; made with the usual permissions if `flags` say so.
        flags: such as `os.O_RDONLY`, of those that every system has.
        follow: whether a symbolic link is followed; else it is an error (ELOOP).
        wait: for the other end, where it is a pipe.

    Raises:
        OSError: it cannot be opened.
    """
    flags |= _EVERY
    if not wait:
        flags |= _NO_WAIT
    if not follow:
        flags |= _NO_LINK
        if not _NO_LINK and os.path.islink(path):  # noqa: PTH114
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return os.open(path, flags, 0o666)


def lock(descriptor: int, *, wait: bool = False) -> None:
    """Lock a file for this process alone, until it is closed.

    Raises:
        BlockingIOError: another has locked it, and it is not waited for.
        OSError: this disk or system has no locks.
    """
    if fcntl := _module("fcntl"):
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    elif msvcrt := _module("msvcrt"):
        while not _lock_byte(msvcrt, descriptor):
            if not wait:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            time.sleep(_SECONDS_BETWEEN_TRIES)
    else:
        raise OSError(errno.ENOLCK, "this system has no locks for files")


def _module(name: str) -> Any:
    """A module of some systems; None on others."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _lock_byte(msvcrt: Any, descriptor: int) -> bool:
    """Lock the byte that stands for the file; whether nobody else has."""
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _PLACE_OF_LOCK, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EDEADLK):
            return False
        raise
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)
    return True
