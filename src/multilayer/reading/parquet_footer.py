"""Read the number of rows and columns from the footer of a Parquet file.

The footer is a struct of Thrift's compact protocol; only the few fields needed are read.
"""

import os
import struct
from pathlib import Path
from typing import Any

from multilayer.ordinary_files import open_regular

_TAIL = struct.Struct("<I4s")  # the footer's length and the magic bytes
_LARGEST_FOOTER_BYTES = 2**24
_SCHEMA, _NUM_ROWS = 2, 3  # fields of the footer
_NUM_CHILDREN = 5  # of an element of the schema; leaf columns have none
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_WHOLE, _MOST_BITS = (4, 5, 6), 64  # of 16, 32 and 64 bits


def rows_and_columns(path: Path) -> tuple[int, int] | None:
    """Number of rows and leaf columns of a Parquet file; None if its footer cannot be read.

    Raises:
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL.size))
        tail = file.read()
        if len(tail) < _TAIL.size:
            return None
        length, sign = _TAIL.unpack(tail)
        if sign != b"PAR1" or length > min(_LARGEST_FOOTER_BYTES, size - _TAIL.size):
            return None
        file.seek(size - _TAIL.size - length)
        footer = _Compact(file.read(length))
    try:
        fields = footer.struct(last=_NUM_ROWS)
        columns = sum(not element.get(_NUM_CHILDREN) for element in fields[_SCHEMA])
        return int(fields[_NUM_ROWS]), columns
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return None


class _Compact:
    """Reads values in Thrift's compact protocol."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def struct(self, last: int | None = None) -> dict[int, Any]:
        """The fields by number, up to `last`."""
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._whole()
            fields[number] = self._value(kind & 15)
            if number == last:
                break
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _WHOLE:
            return self._whole()
        if kind in (_BYTE, _DOUBLE, _BINARY):
            length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._unsigned()
            self._place += length
            return self._content[self._place - length : self._place]
        if kind in (_LIST, _SET):
            head = self._byte()
            length = head >> 4 if head >> 4 < 15 else self._unsigned()
            if length > len(self._content):
                raise ValueError("a list is longer than the footer")
            # Booleans take a byte each in a list.
            of_list = _BYTE if head & 15 in (_TRUE, _FALSE) else head & 15
            return [self._value(of_list) for _ in range(length)]
        if kind == _STRUCT:
            return self.struct()
        raise ValueError(f"a footer has no values of kind {kind}")

    def _byte(self) -> int:
        self._place += 1
        return self._content[self._place - 1]

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > _MOST_BITS:
                raise ValueError("a number is longer than 64 bits")

    def _whole(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)
