"""Find the dictionary-encoded (categorical) columns of a Parquet or Arrow file.

Readers decode a dictionary of numbers to numbers; only the Arrow schema says that the column was
categorical. It is a FlatBuffers table; only the few fields needed are read.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from multilayer.ordinary_files import open_regular

_ARROW_HEAD = b"ARROW1\0\0"
_LARGEST_SCHEMA_BYTES = 2**24


def dictionary_columns(file: Path | BinaryIO, metadata: Mapping[str, str] | None) -> set[str]:
    """Names of the dictionary-encoded columns; empty if the schema cannot be read.

    Args:
        file: An Arrow file; not read if `metadata` is given.
        metadata: Of a Parquet file; None: the file is Arrow.
    """
    try:
        if metadata is not None:
            message = base64.b64decode(metadata.get("ARROW:schema", ""))
        elif isinstance(file, Path):
            with open_regular(file) as opened:
                message = _first_message(opened)
        else:
            message = _first_message(file)
            file.seek(0)
        return _dictionaries(message[8:]) if message else set()
    except (OSError, ValueError, IndexError, struct.error, binascii.Error):
        return set()


def _first_message(file: BinaryIO) -> bytes:
    if file.read(8) != _ARROW_HEAD:
        return b""
    head = file.read(8)
    return head + file.read(min(struct.unpack("<i", head[4:])[0], _LARGEST_SCHEMA_BYTES))


def _dictionaries(message: bytes) -> set[str]:
    (root,) = struct.unpack_from("<I", message)
    schema = _target(message, _field(message, root, 2))
    fields = _target(message, _field(message, schema, 1))
    (count,) = struct.unpack_from("<I", message, fields)
    found = set()
    for number in range(min(count, len(message) // 4)):
        column = _target(message, fields + 4 + 4 * number)
        name, dictionary = _field(message, column, 0), _field(message, column, 4)
        if name and dictionary:
            start = _target(message, name)
            (length,) = struct.unpack_from("<I", message, start)
            found.add(message[start + 4 : start + 4 + length].decode())
    return found


def _target(message: bytes, place: int) -> int:
    """Where an offset leads."""
    return place + int(struct.unpack_from("<I", message, place)[0])


def _field(message: bytes, table: int, number: int) -> int:
    """Where a field of a table stands; 0 if it has none."""
    entries = table - struct.unpack_from("<i", message, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", message, entries)[0]:
        return 0
    (offset,) = struct.unpack_from("<H", message, entries + 4 + 2 * number)
    return table + offset if offset else 0
