"""Reading such a file, which a stranger may have written."""

import errno
import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.container.contents import (
    CHECKSUM_PREFIX,
    CHECKSUM_START,
    DOCUMENT_ARRAY,
    FIRST_VERSION_WITH_LISTS,
    FORMAT_VERSION,
    LARGEST_DIMENSION,
    LARGEST_DOCUMENT_BYTES,
    LARGEST_HEADER_BYTES,
    LARGEST_RANK,
    NO_CHECKSUM,
    OLDEST_FORMAT_VERSION,
    TYPES,
    Container,
    check_names,
    shown,
)
from multilayer.container.long_lists import put_back
from multilayer.container.plain_json import parse_object
from multilayer.errors import ModelFileError
from multilayer.ordinary_files import open_regular

_Entry = tuple[str, np.dtype[Any], list[int], int, int]

_LARGE_BYTES = 1 << 26
_MOST_EXTENTS = 10_000  # that are counted to see whether a file is one of holes
_MOST_TO_DISK = 16  # times as large as on the disk; weights are not compressed by that


def read_container(path: str | Path, *kinds: str) -> Container:
    """Read a file of any format version, and check all that can be checked without its meaning.

    It takes at most twice the file's size in memory, and 64 MB.

    Args:
        path: the file.
        kinds: which are welcome; none: all.

    Raises:
        ModelFileError: the file is missing, damaged, of another kind or not one of ours.
    """
    path = Path(path)
    return parse_container(_read(path), path, *kinds)


def parse_container(content: bytearray, path: Path, *kinds: str) -> Container:
    """Check the bytes of a file as `read_container` does; the arrays lie over them.

    Args:
        content: all bytes of the file.
        path: where they come from; for messages.
        kinds: which are welcome; none: all.

    Raises:
        ModelFileError: they are damaged, of another kind or not ours.
    """
    header_end = 8 + _header_length(path, len(content), content[:8])
    header = _parsed(path, "its header", content[8:header_end])
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ModelFileError(f"{path} has no metadata of ours")
    is_first_version = "sha256" not in metadata
    arrays = dict(_arrays(path, header, memoryview(content)[header_end:]))
    if is_first_version:
        check_names(path, "metadata", set(metadata), {"multilayer"})
    else:
        _check_checksum(path, content, metadata["sha256"])
        keys = {"sha256"} if DOCUMENT_ARRAY in arrays else {"sha256", "multilayer"}
        check_names(path, "metadata", set(metadata), keys)
    if "multilayer" in metadata:
        text = metadata["multilayer"].encode(errors="surrogatepass")
    else:
        text = arrays.pop(DOCUMENT_ARRAY).tobytes()
    document = _parsed(path, "its document", text)
    version, kind = document.pop("format_version", None), document.pop("kind", None)
    _check_version(path, version, is_first_version)
    if version >= FIRST_VERSION_WITH_LISTS:
        put_back(document, arrays, path)
    if not isinstance(kind, str) or (kinds and kind not in kinds):
        raise ModelFileError(
            f"{path} holds {shown(kind)}; it must hold {' or '.join(map(repr, kinds))}"
        )
    return Container(path, kind, version, document, arrays, metadata.get("sha256"))


def _read(path: Path) -> bytearray:
    """The whole file; memory for it is taken once its header says that it has this size."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = _header_length(path, size, file.read(8))
            if size > _LARGE_BYTES:
                _check_large(path, file.fileno(), size, file.read(length))
            file.seek(0)
            content = bytearray(size)
            rest = memoryview(content)
            while rest:
                num_read = file.readinto(rest)
                if not num_read:
                    raise _damaged(path, "it became shorter while it was read")
                rest = rest[num_read:]
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no model file {path}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(f"cannot read {path}: {reason.lower()}") from error
    except MemoryError as error:
        raise ModelFileError(f"{path} does not fit into memory") from error
    return content


def _check_large(path: Path, descriptor: int, size: int, header: bytes) -> None:
    """Hold a large file to what its header says, and to the disk, before memory is taken for it."""
    entries = _parsed(path, "its header", header)
    entries.pop("__metadata__", None)
    _layout(path, entries, size - 8 - len(header))
    written = _bytes_without_holes(descriptor, size)
    if written < size // _MOST_TO_DISK:
        raise _damaged(path, f"of its {size:,} bytes {written:,} were ever written")


def _bytes_without_holes(descriptor: int, size: int) -> int:
    """How many bytes of a file are not in holes, of which terabytes take no disk."""
    written = place = 0
    before = os.lseek(descriptor, 0, os.SEEK_CUR)  # a buffered reader relies on it
    try:
        for _ in range(_MOST_EXTENTS):
            start = os.lseek(descriptor, place, os.SEEK_DATA)
            place = os.lseek(descriptor, start, os.SEEK_HOLE)
            written += place - start
            if place >= size:
                break
        else:
            return size
    except OSError as error:
        if error.errno != errno.ENXIO:  # there is no more data; or else holes cannot be told
            return size
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)
    return written


def _header_length(path: Path, num_bytes: int, first: bytes | bytearray) -> int:
    """How long the header is, from the first bytes of a file of `num_bytes`."""
    length = int.from_bytes(first, "little")
    if num_bytes < 8 or not 2 <= length <= min(LARGEST_HEADER_BYTES, num_bytes - 8):
        raise _damaged(
            path,
            f"it has {num_bytes} bytes and announces a header of {length}; "
            f"{LARGEST_HEADER_BYTES:,} is the most",
        )
    return length


def _parsed(path: Path, what: str, text: bytes | bytearray) -> dict[str, Any]:
    """A JSON object in which no name stands twice and every number is finite."""
    if len(text) > LARGEST_DOCUMENT_BYTES:
        raise _damaged(path, f"{what} has {len(text):,} bytes")
    try:
        return parse_object(text)
    except ValueError as error:
        raise _damaged(path, f"{what} is not plain JSON: {error}") from error


def _arrays(
    path: Path, header: dict[str, Any], data: memoryview
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays, once it is certain that they lie side by side and cover the data."""
    for name, dtype, shape, start, end in _layout(path, header, len(data)):
        values = np.frombuffer(data[start:end], dtype).reshape(shape)
        values = values.astype(dtype.newbyteorder("="), copy=not values.flags.aligned)
        yield name, values


def _layout(path: Path, header: dict[str, Any], num_bytes: int) -> list[_Entry]:
    """Name, type, shape, begin and end of the arrays, which lie side by side and cover the data."""
    entries = [(name, *_described(path, name, entry)) for name, entry in header.items()]
    place = 0
    for name, _, _, start, end in sorted(entries, key=lambda entry: entry[3:]):
        if start != place:
            raise _damaged(path, f"tensor {shown(name)} begins at {start}, not at {place}")
        place = end
    if place != num_bytes:
        raise _damaged(path, f"its tensors take {place} bytes, it has {num_bytes}")
    return entries


def _described(path: Path, name: str, entry: Any) -> tuple[np.dtype[Any], list[int], int, int]:
    """Type, shape, begin and end of an array, as the header has them."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"tensor {shown(name)} lacks its dtype, shape or data_offsets")
    dtype = TYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise _damaged(path, f"tensor {shown(name)} is {shown(entry['dtype'])}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or len(shape) > LARGEST_RANK or (0 in shape and shape != [0]):
        raise _damaged(path, f"tensor {shown(name)} has the shape {shown(shape)}")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise _damaged(path, f"tensor {shown(name)} lies at {shown(offsets)}")
    start, end = offsets
    if end - start != math.prod(shape) * dtype.itemsize:
        raise _damaged(
            path, f"tensor {shown(name)} of {entry['dtype']} {shape} lies at {start} to {end}"
        )
    return dtype, shape, start, end


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value <= LARGEST_DIMENSION for value in values
    )


def _check_checksum(path: Path, content: bytearray, written: str) -> None:
    end = CHECKSUM_START + len(NO_CHECKSUM)
    if content[8:CHECKSUM_START] != CHECKSUM_PREFIX or content[CHECKSUM_START:end] != (
        written.encode(errors="surrogatepass")
    ):
        raise _damaged(path, "its checksum does not stand where it must")
    digest = hashlib.sha256(memoryview(content)[:CHECKSUM_START])
    digest.update(NO_CHECKSUM)
    digest.update(memoryview(content)[end:])
    if digest.hexdigest() != written:
        raise _damaged(path, f"its SHA-256 is {digest.hexdigest()}, it was written as {written}")


def _check_version(path: Path, version: Any, is_first: bool) -> None:
    if type(version) is not int or not OLDEST_FORMAT_VERSION <= version <= FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {shown(version)}; this multilayer reads "
            f"{OLDEST_FORMAT_VERSION} to {FORMAT_VERSION}"
        )
    if (version == 1) != is_first:
        raise _damaged(path, "only version 1 has no checksum")


def _damaged(path: Path, problem: str) -> ModelFileError:
    return ModelFileError(f"{path} is not a whole file of ours: {problem}")
