"""Types of arguments: data, whole numbers, and sizes of memory."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter, Token

from multilayer.errors import SettingsError

_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE | re.ASCII)


def _require_no_flag(_: Any, value: Any) -> None:
    require_text(_, value)
    if isinstance(value, str) and value.startswith("-") and value != "-":
        raise ValueError(f"Unknown option: {value}; a file of that name is written ./{value}")


DataArgument = Annotated[str, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)]
OptionalDataArgument = Annotated[
    str | None, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)
]
_OUTPUT = Parameter(name=["--output", "-o"])
Output = Annotated[str, _OUTPUT]
OptionalOutput = Annotated[str | None, _OUTPUT]


def require_text(_: Any, value: Any) -> None:
    """Refuse a text that is given and empty, as by a variable of a script that is not set."""
    if value == "":
        raise ValueError("it must not be empty; leave it out, or give a value")


def _read_whole(_: Any, tokens: Sequence[Token], largest: int = 2**31 - 1) -> int:
    text = tokens[0].value
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"{text!r} must be a whole number") from None
    if abs(number) > largest:
        raise ValueError(f"{text} is too large; at most {largest:,} will do")
    return number


as_whole = Parameter(converter=_read_whole, n_tokens=1)
as_seed = Parameter(converter=partial(_read_whole, largest=2**63 - 1), n_tokens=1)
WholeNumber = Annotated[int, as_whole]
Seed = Annotated[int, as_seed]


def read_bytes(text: str) -> int:
    """A size such as 500MB, 1.5 GB or 2GiB, in bytes.

    Raises:
        SettingsError: it is something else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"--memory-limit must be a size such as 500MB or 4GB, not {text!r}")
    number, unit = match.groups()
    return int(float(number) * _UNITS[(unit or "").lower()])
