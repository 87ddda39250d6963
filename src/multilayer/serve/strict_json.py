"""JSON as its standard has it: no NaN, no name twice."""

import json
from typing import Any

from multilayer.serve.refusals import RefusalError

_MOST_CONTAINERS = 1_000_000  # lists and objects take up to 80 times the memory of their text
_LONGEST_SHOWN = 40


def parse_json(content: bytes, max_nesting: int) -> Any:
    """The document; its numbers may be infinite.

    Raises:
        RefusalError: it is not JSON in UTF-8, holds NaN or an object with a name twice, or is
            nested more deeply.
    """
    if content.count(b"[") + content.count(b"{") > _MOST_CONTAINERS:
        raise RefusalError(
            413, f"the JSON holds more than {_MOST_CONTAINERS:,} lists and objects; send fewer at "
            "once",
        )  # fmt: skip
    try:
        document = _DECODER.decode(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RefusalError(400, f"the body is not UTF-8: byte {error.start + 1} is wrong") from None
    except json.JSONDecodeError as error:
        raise RefusalError(
            400, f"the body is not JSON: {error.msg.lower()} at line {error.lineno}, "
            f"column {error.colno}",
        ) from None  # fmt: skip
    except ValueError:  # an integer of more digits than Python reads
        raise RefusalError(400, "a number is too large; a missing value is null") from None
    except RecursionError:
        raise RefusalError(400, f"the JSON is nested too deeply; it may be {max_nesting}") from None
    _check_nesting(document, max_nesting)
    return document


def _check_nesting(document: Any, max_nesting: int) -> None:
    level = [document] if isinstance(document, list | dict) else []
    for _ in range(max_nesting):
        level = [
            value
            for outer in level
            for value in (outer.values() if type(outer) is dict else outer)
            if type(value) is list or type(value) is dict
        ]
        if not level:
            return
    raise RefusalError(400, f"the JSON is nested too deeply; it may be {max_nesting}")


def _constant(name: str) -> Any:
    raise RefusalError(400, f"{name} is not JSON; a missing value is null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusalError(400, f"an object names {_shown(twice)!r} twice")
    return found


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


_DECODER = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_object)
