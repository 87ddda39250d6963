"""JSON lines as frames: an object a line, its fields the columns."""

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from multilayer.data.frames import as_frame
from multilayer.data.plain_columns import with_plain_columns
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 2**24


def read_json_pieces(stream: io.BufferedReader, source: str) -> Iterator["pl.DataFrame"]:
    """Read JSON lines, some at a time; or a list of objects, which is read at once.

    An object that lacks a field has a missing value there. Empty lines do not count.

    Args:
        stream: Begins the file, in UTF-8.
        source: What errors call the file.

    Raises:
        TableError: a line is not a JSON object, or holds lists or objects.
    """
    if stream.peek(64).lstrip()[:1] == b"[":
        yield _frame_of_objects(_objects_of_list(stream.read(), source), source)
        return
    rest, is_last, line = b"", False, 1
    while not is_last:
        piece = stream.read(PIECE_BYTES)
        is_last = len(piece) < PIECE_BYTES
        content = rest + piece
        end = len(content) if is_last else content.rfind(b"\n") + 1
        content, rest = content[:end], content[end:]
        if content.strip():
            yield _frame_of_lines(content, source, line)
        line += content.count(b"\n")


def _frame_of_lines(content: bytes, source: str, first_line: int) -> "pl.DataFrame":
    import polars as pl

    try:
        frame = pl.read_ndjson(content, infer_schema_length=None)
    except Exception:  # what is wrong, and where, is found out slowly
        objects = []
        for line, text in enumerate(content.split(b"\n"), start=first_line):
            if text.strip():
                objects.append(_object_of_line(text, source, line))
        return _frame_of_objects(objects, source)
    if frame.width == 0:
        raise TableError(f"{source} holds objects without fields")
    return with_plain_columns(frame, source)


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


def _frame_of_objects(objects: list[dict[str, Any]], source: str) -> "pl.DataFrame":
    if not any(objects):
        raise TableError(f"{source} holds objects without fields")
    try:
        return as_frame(objects)
    except TableError as error:
        raise TableError(str(error).replace("the table", source)) from error
