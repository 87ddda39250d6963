"""Flags that are whole numbers: 1.5 is refused instead of rounded."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token


def _read_whole(_: Any, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} must be a whole number") from None


as_whole = Parameter(converter=_read_whole, n_tokens=1)
WholeNumber = Annotated[int, as_whole]
