"""JSON that a stranger may have written: an object of plain values, and nothing to be misled by."""

import json
import math
from typing import Any

from multilayer.container.contents import shown

_MOST_LEVELS = 64
_NESTING = (list, dict)  # as the parser makes them
_MOST_DIGITS = 300  # of a whole number, so that each is a finite number of floating point


def parse_object(text: bytes | bytearray | str, *, has_paths: bool = False) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice and every number is finite.

    Args:
        text: UTF-8, or decoded.
        has_paths: names of files may hold bytes that are no UTF-8, as Python escapes them.

    Raises:
        ValueError: it is something else, is nested more than 64 levels deep, or holds half of a
            surrogate pair, which is no text; the message is one line.
    """
    try:
        document = json.loads(
            text.decode() if isinstance(text, bytes | bytearray) else text,
            object_pairs_hook=_without_doubles,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
        _check_depth(document)
        errors = "surrogateescape" if has_paths else "strict"
        json.dumps(document, ensure_ascii=False).encode(errors=errors)
    except UnicodeError as error:
        raise ValueError(f"it is not UTF-8, or holds half of a character: {error}") from error
    except RecursionError as error:
        raise ValueError(f"it is nested more than {_MOST_LEVELS} levels deep") from error
    if not isinstance(document, dict):
        raise ValueError(f"it must hold a JSON object; it holds {type(document).__name__}")
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the name {shown(name)} stands twice")
        document[name] = value
    return document


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{shown(text)} has more than {_MOST_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is not a finite number")
    return value


def _check_depth(document: Any) -> None:
    level = [document] if type(document) in _NESTING else []
    for _ in range(_MOST_LEVELS):
        level = [
            entry
            for value in level
            for entry in (value.values() if type(value) is dict else value)
            if entry and type(entry) in _NESTING  # an empty one is no level of its own
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {_MOST_LEVELS} levels deep")
