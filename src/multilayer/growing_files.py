"""Files that grow, line by line or piece by piece, and survive the death of their writer.

Every operation on a file goes through `os`, so that a test can make each of them fail in turn.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from multilayer.descriptors import open_file
from multilayer.files import cannot_write, sync_folder

_BLOCK_BYTES = 1 << 16  # searched at once for the end of the last whole line


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
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT, follow=False)
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
        raise cannot_write(path, error) from error


def open_to_go_on(path: str | Path, num_bytes: int) -> IO[bytes]:
    """Open a file that grows by pieces, to write on after its first `num_bytes` bytes.

    What was written later, of which nobody knows whether it is whole, is cut off.

    Raises:
        OutputError: it cannot be opened or cut.
    """
    path = Path(path)
    try:
        descriptor = open_file(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.ftruncate(descriptor, num_bytes)
            os.lseek(descriptor, num_bytes, os.SEEK_SET)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise cannot_write(path, error) from error
    return os.fdopen(descriptor, "wb")


def sync_file(path: str | Path) -> None:
    """Make a file that grew, and its name, survive a power cut.

    Raises:
        OutputError: the disk does not take it.
    """
    path = Path(path)
    try:
        descriptor = open_file(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _end_of_whole_lines(descriptor: int, size: int) -> int:
    """How many bytes of a file belong to lines that have their end."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        os.lseek(descriptor, start, os.SEEK_SET)
        place = os.read(descriptor, end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
