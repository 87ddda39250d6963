"""Open files, decompressing them if needed, with errors that name the file."""

import bz2
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from multilayer.errors import TableError, reason_of
from multilayer.ordinary_files import open_regular

STANDARD_INPUT = "-"
_USUAL_MEMORY_BYTES = 1 << 32
# Magic bytes of compressed files.
_GZIP, _BZ2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"


def source_name(path: str | Path) -> str:
    """Name of the file in errors."""
    return "the standard input" if str(path) == STANDARD_INPUT else str(path)


@contextmanager
def open_unpacked(path: str | Path, limit_bytes: int | None = None) -> Iterator[io.BufferedReader]:
    """Open a file or pipe that may be compressed by gzip, bzip2, xz or zstandard.

    Args:
        path: The file, or - for the standard input.
        limit_bytes: Largest size after decompression; None: no limit.

    Raises:
        TableError: there is no such file, it is a folder or a device, its compression is damaged,
            or it is larger than the limit. Reading from the stream raises it too.
    """
    name = source_name(path)
    with _open_plain(path) as plain:
        try:
            magic = plain.peek(6)[:6]
        except OSError as error:
            raise TableError(f"cannot read {name}: {reason_of(error)}") from error
        unpacked = _unpacked(plain, magic)
        yield io.BufferedReader(_Guarded(unpacked, name, limit_bytes), 2**16)


def is_compressed(path: str | Path) -> bool:
    """Whether a file is compressed in a way that `open_unpacked` unpacks.

    Raises:
        TableError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            return file.read(6).startswith((_GZIP, _BZ2, _XZ, _ZSTD))
    except OSError as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error


@contextmanager
def _open_plain(path: str | Path) -> Iterator[io.BufferedReader]:
    if str(path) == STANDARD_INPUT:
        yield cast(io.BufferedReader, sys.stdin.buffer)
        return
    try:
        file = open_regular(path, may_be_pipe=True)
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error
    with file:
        yield file


def _unpacked(plain: io.BufferedReader, magic: bytes) -> BinaryIO:
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=plain))
    if magic.startswith(_BZ2):
        return cast(BinaryIO, bz2.BZ2File(plain))
    if magic.startswith(_XZ):
        return cast(BinaryIO, lzma.LZMAFile(plain))
    if magic.startswith(_ZSTD):
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        return cast(BinaryIO, zstd.ZstdFile(plain))
    return plain


class _Guarded(io.RawIOBase):
    """Reads from another stream, limits its size, and names the file in errors."""

    def __init__(self, stream: BinaryIO, name: str, limit_bytes: int | None) -> None:
        self._stream, self._name, self._limit = stream, name, limit_bytes
        self._num_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise TableError(f"{self._name} is damaged: {reason_of(error)}") from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # its module may not be loaded
                raise
            raise TableError(f"{self._name} is damaged: {reason_of(error)}") from error
        self._num_bytes += len(content)
        if self._limit is not None and self._num_bytes > self._limit:
            raise TableError(
                f"{self._name} unpacks to more than {self._limit:,} bytes, "
                "which do not fit in the memory of this machine"
            )
        buffer[: len(content)] = content
        return len(content)


def memory_bytes() -> int:
    """Physical memory of the machine in bytes; 4 GB where the system does not tell."""
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    import ctypes

    kilobytes = ctypes.c_ulonglong(_USUAL_MEMORY_BYTES >> 10)
    with suppress(AttributeError):  # of a system that is not Windows either
        # Left as it is where the firmware does not tell.
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(  # type: ignore[attr-defined]
            ctypes.byref(kilobytes)
        )
    return kilobytes.value << 10


def largest_whole_bytes() -> int:
    """Largest uncompressed size of a file that is read as a whole: a quarter of the memory."""
    return memory_bytes() // 4


def read_whole(stream: io.BufferedReader, source: str) -> bytes:
    """Read the rest of a file that cannot be read in pieces.

    Raises:
        TableError: it is larger than `largest_whole_bytes`.
    """
    most = largest_whole_bytes()
    parts, num_bytes = [], 0
    while part := stream.read(2**24):
        parts.append(part)
        num_bytes += len(part)
        if num_bytes > most:
            raise TableError(
                f"{source} unpacks to more than {most:,} bytes, which do not fit in the memory of "
                "this machine"
            )
    return b"".join(parts)
