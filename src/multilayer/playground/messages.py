"""What the page and the server say to each other.

The page sends JSON: an object with what to "do". The server sends binary messages: the length of a
JSON object in 4 bytes, the lowest first, the object, spaces up to a multiple of 8 bytes, and then
the arrays that its "arrays" name, each from a multiple of 8 bytes on.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.playground.refused import PageError
from multilayer.serve.refusals import RefusalError
from multilayer.serve.strict_json import parse_json

MOST_MESSAGE_BYTES = 4_500_000
MOST_TABLE_BYTES = 2_000_000
_MOST_NESTING = 2
_TYPES = {"float32": "f4", "uint8": "u1"}
_LONGEST_TEXT = MOST_MESSAGE_BYTES  # of a link; `Setup.from_query` says how long one may be


def packed(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """A message to the page.

    Args:
        header: its "kind" and numbers; those that are not finite become null.
        arrays: float32 or uint8.
    """
    given = arrays or {}
    listed = [[name, _TYPES[str(array.dtype)], array.shape] for name, array in given.items()]
    text = json.dumps({**_finite(header), "arrays": listed}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % 8)
    parts = [struct.pack("<I", len(text)), text]
    for array in given.values():
        content = np.ascontiguousarray(array).tobytes()
        parts += [content, bytes(-len(content) % 8)]
    return b"".join(parts)


def refusal(error: Exception | str, without: str = "") -> bytes:
    """Why something is not done, in Russian too where the words are the playground's own.

    Args:
        error: what has happened, or why it is refused.
        without: a part of the message that the reader need not know.
    """
    message = (str(error) or "there is not enough memory").replace(without, "")
    russian = " ".join(error.russian.split()) if isinstance(error, PageError) else None
    return packed({"kind": "refusal", "message": " ".join(message.split()), "russian": russian})


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def _text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= most


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


# What the page may ask for, and what each needs.
_COMMANDS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    "begin": {"query": (_text(_LONGEST_TEXT), "text")},
    "set": {"query": (_text(_LONGEST_TEXT), "text")},
    "play": {},
    "pause": {},
    "step": {},
    "epoch": {},
    "reset": {},
    "hidden": {},
    "seen": {},
    "speed": {"steps": (_whole(0, 1_000_000), "a whole number of steps a second, 0 for all")},
    "drawn": {"number": (_whole(0, 2**53), "the number of a frame")},
    "trace": {},
    "code": {},
    "compare": {"first": (_text(_LONGEST_TEXT), "text")},
    "stop_comparing": {},
    "table": {
        "name": (_text(255), "text"),
        "text": (_text(MOST_TABLE_BYTES), f"text of up to {MOST_TABLE_BYTES:,} characters"),
    },
}


def command_of(text: str) -> dict[str, Any]:
    """A message of the page.

    Raises:
        RefusalError: it is not JSON, or nothing that can be done.
    """
    document = parse_json(text.encode("utf-8", "surrogatepass"), _MOST_NESTING)
    if not isinstance(document, dict):
        raise RefusalError(400, 'a message must be an object such as {"do": "play"}')
    do = document.get("do")
    if not isinstance(do, str) or do not in _COMMANDS:
        raise RefusalError(400, f'"do" must be one of {", ".join(_COMMANDS)}; it is {do!r:.60}')
    needed = _COMMANDS[do]
    for name, (is_right, what) in needed.items():
        if not is_right(document.get(name)):
            raise RefusalError(400, f'"{do}" needs "{name}": {what}')
    unknown = document.keys() - needed.keys() - {"do"}
    if unknown:
        raise RefusalError(400, f'"{do}" takes no {min(unknown)!r:.60}')
    return document
