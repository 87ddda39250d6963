"""JSON lines as frames: an object a line, its fields the columns."""

import codecs
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from multilayer.data.byte_stream import read_whole
from multilayer.data.frames import as_frame
from multilayer.data.plain_columns import with_plain_columns
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 2**24
_LARGEST_LINE_BYTES = 2**28
_MOST_COLUMNS = 100_000
_MOST_VALUES = 2**27  # of a piece: objects times different fields
_BLOCK_BYTES = 2**15


def read_json_pieces(
    stream: io.BufferedReader, source: str, piece_bytes: int | None = None
) -> Iterator["pl.DataFrame"]:
    """Read JSON lines, some at a time; or a list of objects, which is read at once.

    An object that lacks a field has a missing value there. Empty lines do not count.

    Args:
        stream: Begins the file, in UTF-8, perhaps with a byte order mark.
        source: What errors call the file.
        piece_bytes: How much text a piece has; None: `PIECE_BYTES`.

    Raises:
        TableError: a line is not a JSON object, holds lists or objects, or is longer than 256 MB;
            or the objects have so many different fields that their table would be many times
            larger than the file.
    """
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    if stream.peek(64).lstrip()[:1] == b"[":
        yield _frame_of_objects(_objects_of_list(read_whole(stream, source), source), source)
        return
    piece_bytes = piece_bytes or PIECE_BYTES
    rest, is_last, line = b"", False, 1
    while not is_last:
        piece = stream.read(piece_bytes)
        is_last = len(piece) < piece_bytes
        content = rest + piece
        end = len(content) if is_last else content.rfind(b"\n") + 1
        content, rest = content[:end], content[end:]
        if len(rest) > _LARGEST_LINE_BYTES:
            number = line + content.count(b"\n")
            raise TableError(
                f"line {number} of {source} is longer than {_LARGEST_LINE_BYTES:,} bytes"
            )
        if content.strip():
            yield _frame_of_lines(content, source, line)
        line += content.count(b"\n")


def _frame_of_lines(content: bytes, source: str, first_line: int) -> "pl.DataFrame":
    import polars as pl

    try:
        _require_few_fields(content, source)
        frame = pl.read_ndjson(content, infer_schema_length=None)
    except TableError:
        raise
    # What is wrong, and where, is found out slowly.
    except (Exception, pl.exceptions.PanicException):
        objects = []
        for line, text in enumerate(content.split(b"\n"), start=first_line):
            if text.strip():
                objects.append(_object_of_line(text, source, line))
        return _frame_of_objects(objects, source)
    if frame.width == 0:
        raise TableError(f"{source} holds objects without fields")
    return with_plain_columns(frame, source)


def _require_few_fields(content: bytes, source: str) -> None:
    """Count the fields block by block: where each line has others, all at once takes hours."""
    import polars as pl

    names: set[str] = set()
    num_objects, start = content.count(b"\n") + 1, 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
        block = io.BytesIO(content[start:end])
        names.update(pl.scan_ndjson(block, infer_schema_length=None).collect_schema())
        _require_few(len(names), num_objects, source)
        start = end


def _object_of_line(text: bytes, source: str, line: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"line {line} of {source} is not JSON: {reason}") from error
    if not isinstance(found, dict):
        raise TableError(
            f"line {line} of {source} must be an object such as "
            f'{{"column": 1}}, it is a {type(found).__name__}'
        )
    return found


def _objects_of_list(content: bytes, source: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"{source} is not JSON: {reason}") from error
    for place, item in enumerate(found, start=1):
        if not isinstance(item, dict):
            raise TableError(
                f"item {place} of {source} must be an object such as "
                f'{{"column": 1}}, it is a {type(item).__name__}'
            )
    return list(found)


def _require_few(num_fields: int, num_objects: int, source: str) -> None:
    if num_fields > _MOST_COLUMNS or num_fields * num_objects > _MOST_VALUES:
        raise TableError(
            f"{source} holds {num_objects:,} objects with {num_fields:,} different fields; "
            "so many columns for so many rows are more than a table can have"
        )


def _frame_of_objects(objects: list[dict[str, Any]], source: str) -> "pl.DataFrame":
    if not any(objects):
        raise TableError(f"{source} holds objects without fields")
    _require_few(len({name for item in objects for name in item}), len(objects), source)
    try:
        return as_frame(objects)
    except TableError as error:
        raise TableError(str(error).replace("the table", source)) from error
