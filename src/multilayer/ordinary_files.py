"""Ordinary files, and pipes, opened for reading without ever waiting for what is something else.

Every operation on a file goes through `os`, so that a test can make each of them fail in turn.
"""

import errno
import io
import os
import re
import stat
import threading
from pathlib import Path

from multilayer.descriptors import open_file

LARGEST_LINES_BYTES = 1 << 28  # of a file that grows by lines, to be read
LARGEST_LINE_BYTES = 1 << 20
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
    descriptor = open_file(path, os.O_RDONLY, wait=False)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(status.st_mode)} now")
        if not status.st_size:  # of which the system makes the content up
            os.read(descriptor, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
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
        return open_file(path, os.O_RDONLY)
    opened: list[int] = []
    waiting = threading.Thread(
        target=lambda: opened.append(open_file(path, os.O_RDONLY)), daemon=True
    )
    waiting.start()
    waiting.join(_SECONDS_FOR_A_WRITER)
    if waiting.is_alive():
        os.close(open_file(path, os.O_WRONLY, wait=False))  # lets it go on
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
    """The lines that `growing_files.append_line` has written, without one torn at the end.

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


def natural_order(path: str | Path) -> list[tuple[list[tuple[str, int]], str]]:
    """Sort key of paths as people order them: by text, and by value where there are digits."""
    return [
        (
            [
                (text, int(digits or -1))
                for text, digits in re.findall(r"([^0-9]*)([0-9]*)", part.lower())
            ],
            part,
        )
        for part in Path(path).parts
    ]
