"""JSON as its standard has it: no NaN, no infinity, no name twice."""

import json
import math
import re
from typing import Any

import numpy as np

from multilayer.serve.refusals import RefusalError

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
# A number without these is below 1e300; in the others each number is looked at.
_PERHAPS_LARGE = re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{200}")
_MOST_DIGITS = 309  # a longer integer is no finite float64
_LONGEST_SHOWN = 40


def parse_json(content: bytes, max_nesting: int) -> Any:
    """The document.

    Raises:
        RefusalError: it is not JSON in UTF-8, holds a number that is not finite or an object with
            a name twice, or is nested more deeply.
    """
    if content.count(b"[") + content.count(b"{") > max_nesting:
        _check_nesting(content, max_nesting)
    try:
        text = content.decode("utf-8-sig")
        text.encode()
        has_large_numbers = _PERHAPS_LARGE.search(content) is not None
        return (_CAREFUL if has_large_numbers else _QUICK).decode(text)
    except UnicodeDecodeError as error:
        raise RefusalError(400, f"the body is not UTF-8: byte {error.start + 1} is wrong") from None
    except json.JSONDecodeError as error:
        raise RefusalError(
            400, f"the body is not JSON: {error.msg.lower()} at line {error.lineno}, "
            f"column {error.colno}",
        ) from None  # fmt: skip
    except RecursionError:
        raise RefusalError(400, "the JSON is nested too deeply") from None


def _check_nesting(content: bytes, max_nesting: int) -> None:
    signs = np.frombuffer(_STRING.sub(b"", content), np.uint8)
    opens = (signs == ord("[")) | (signs == ord("{"))
    closes = (signs == ord("]")) | (signs == ord("}"))
    depth = np.cumsum(opens.astype(np.int8) - closes, dtype=np.int64)
    if depth.size and depth.max() > max_nesting:
        raise RefusalError(
            400, f"the JSON is nested {int(depth.max()):,} deep; it may be {max_nesting}"
        )


def _constant(name: str) -> Any:
    raise RefusalError(400, f"{name} is not JSON; a missing value is null")


def _float(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise RefusalError(400, f"the number {_shown(text)} is too large; a missing value is null")


def _integer(text: str) -> int:
    if len(text) >= _MOST_DIGITS:
        raise RefusalError(400, f"the number {_shown(text)} is too large; a missing value is null")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusalError(400, f"an object names {_shown(twice)!r} twice")
    return found


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


_QUICK = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_object)
_CAREFUL = json.JSONDecoder(
    parse_constant=_constant, parse_float=_float, parse_int=_integer, object_pairs_hook=_object
)
