"""The idx format of MNIST and its kin: a header with type and dimensions, then the numbers.

Layout (http://yann.lecun.com/exdb/mnist/): two zero bytes, one byte for the type, one for the
rank, a 4-byte big-endian size for each dimension, then the values in C order, big-endian.
"""

import gzip
import io
import math
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.errors import IdxFileError
from multilayer.files import replace_atomically
from multilayer.ordinary_files import open_regular

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot shrink data further than this, so a header that announces more is wrong.
LARGEST_GZIP_RATIO = 1032
BLOCK_BYTES = 1 << 16
GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)


def read_idx(path: str | Path) -> np.ndarray[Any, Any]:
    """Read an idx file, plain or gzip (told apart by the content, not by the name).

    No memory is taken on the header's word alone: the buffer grows with the bytes that are
    really there, and reading ends one byte after the announced size.

    Returns:
        A writable array in native byte order with the file's type and dimensions.

    Raises:
        IdxFileError: the file is missing, unreadable, truncated, too long, corrupt or no idx file.
    """
    path = Path(path)
    try:
        with open_regular(path, may_be_pipe=True) as file:
            is_gzip = file.peek(2)[:2] == GZIP_MAGIC
            status = os.fstat(file.fileno())
            # A pipe has no size to compare with.
            file_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None
            if is_gzip:
                with gzip.GzipFile(fileobj=file) as content:
                    return _read(content, path, file_bytes, is_gzip)
            return _read(file, path, file_bytes, is_gzip)
    except IdxFileError:  # says all, and is a ValueError too
        raise
    except GZIP_ERRORS as error:
        raise IdxFileError(f"{path} is a corrupt gzip file: {_lower(error)}") from error
    except MemoryError as error:
        raise IdxFileError(f"{path} does not fit into memory") from error
    except OSError as error:
        raise IdxFileError(f"cannot read {path}: {_lower(error.strerror or error)}") from error
    except ValueError as error:  # a name that no file can have, such as one with a zero byte
        raise IdxFileError(f"cannot read {str(path)!r}: {_lower(error)}") from error


def write_idx(path: str | Path, array: np.ndarray[Any, Any]) -> None:
    """Write an array as an idx file, whole or not at all; gzip where the name ends in `.gz`.

    Args:
        path: The file to write or replace.
        array: Any shape; uint8, int8, int16, int32, float32 or float64.

    Raises:
        IdxFileError: the format has no code for the array's type or size.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    try:
        header = idx_header(array)
    except IdxFileError as error:
        raise IdxFileError(f"cannot write {path}: {error}") from error
    values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">")).data
    with replace_atomically(path) as file:
        if path.suffix == ".gz":
            # Neither name nor time goes into the file: equal arrays give equal bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed:
                compressed.write(header)
                compressed.write(values)
        else:
            file.write(header)
            file.write(values)


def idx_header(array: np.ndarray[Any, Any]) -> bytes:
    """Give the header that an idx file of `array` begins with.

    Raises:
        IdxFileError: the format has no code for the array's type or size.
    """
    big_endian = array.dtype.newbyteorder(">")
    codes = [code for code, dtype in TYPES.items() if dtype == big_endian]
    if not codes:
        known = ", ".join(dtype.name for dtype in TYPES.values())
        raise IdxFileError(f"idx has no type for {array.dtype}; it has {known}")
    if any(size >= 1 << 32 for size in array.shape):
        raise IdxFileError(f"idx holds sizes below 2**32, the array is {_times(array.shape)}")
    return struct.pack(f">HBB{array.ndim}I", 0, codes[0], array.ndim, *array.shape)


def _read(
    content: io.BufferedIOBase, path: Path, file_bytes: int | None, is_gzip: bool
) -> np.ndarray[Any, Any]:
    magic = bytearray()
    _fill(magic, content, 4)
    if not magic:
        raise IdxFileError(f"{path} is empty; an idx file has at least 4 bytes")
    if len(magic) < 4:
        raise IdxFileError(
            f"{path} is truncated: an idx file has at least 4 bytes, not {len(magic)}"
        )
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise IdxFileError(
            f"{path} is not an idx file: it begins with {magic.hex(' ')}, "
            "not with 00 00 and a type from 08 to 0e"
        )
    dtype, rank = TYPES[magic[2]], magic[3]
    sizes = bytearray()
    _fill(sizes, content, 4 * rank)
    if len(sizes) < 4 * rank:
        raise IdxFileError(
            f"{path} is truncated: a header of {rank} dimensions has {4 + 4 * rank} bytes, "
            f"the file has {4 + len(sizes)}"
        )
    shape = struct.unpack(f">{rank}I", sizes)
    header_bytes = 4 + 4 * rank
    expected = header_bytes + math.prod(shape) * dtype.itemsize
    announced = f"its header announces {expected} bytes ({_times(shape)} of {dtype.name})"
    if is_gzip and file_bytes is not None and expected > file_bytes * LARGEST_GZIP_RATIO:
        raise IdxFileError(
            f"{path} is truncated or corrupt: {announced}, "
            f"more than a gzip file of {file_bytes} bytes can hold"
        )
    if not is_gzip and file_bytes is not None and file_bytes != expected:
        problem = "truncated" if file_bytes < expected else "too long"
        raise IdxFileError(f"{path} is {problem}: {announced}, it has {file_bytes}")

    values = bytearray()
    try:
        _fill(values, content, expected - header_bytes + 1)
    except GZIP_ERRORS as error:
        raise IdxFileError(
            f"{path} is a corrupt gzip file: {announced}, "
            f"it has {header_bytes + len(values)} before this: {_lower(error)}"
        ) from error
    found = header_bytes + len(values)
    if found < expected:
        raise IdxFileError(f"{path} is truncated: {announced}, it has {found}")
    if found > expected:
        raise IdxFileError(f"{path} is too long: {announced}, it has more")
    try:
        array: np.ndarray[Any, Any] = np.ndarray(shape, dtype, buffer=values)
    except ValueError as error:
        raise IdxFileError(f"{path} cannot be held as an array: {_lower(error)}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _fill(buffer: bytearray, content: io.BufferedIOBase, limit: int) -> None:
    """Append to an empty buffer in blocks, until it has `limit` bytes or the file ends."""
    while block := content.read1(min(BLOCK_BYTES, limit - len(buffer))):
        buffer += block


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"


def _lower(message: object) -> str:
    text = str(message)
    return text[:1].lower() + text[1:]
