"""Types of arguments: data, whole numbers, and sizes of memory."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token

from multilayer.errors import SettingsError

_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE | re.ASCII)


def _require_no_flag(_: Any, value: Any) -> None:
    if isinstance(value, str) and value.startswith("-") and value != "-":
        raise ValueError(f"Unknown option: {value}; a file of that name is written ./{value}")


DataArgument = Annotated[str, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)]
OptionalDataArgument = Annotated[
    str | None, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)
]


def _read_whole(_: Any, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} must be a whole number") from None


as_whole = Parameter(converter=_read_whole, n_tokens=1)
WholeNumber = Annotated[int, as_whole]


def read_bytes(text: str) -> int:
    """A size such as 500MB, 1.5 GB or 2GiB, in bytes.

    Raises:
        SettingsError: it is something else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"a size of memory is written as 500MB or 4GB, not {text!r}")
    number, unit = match.groups()
    return int(float(number) * _UNITS[(unit or "").lower()])
