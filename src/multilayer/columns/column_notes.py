"""What is said of columns that are not what their values first seem to be."""

import shlex
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """The numbers of a frame's rows in its file.

    Args:
        numbers: from 1; None: 1, 2, 3, …
    """

    numbers: NDArray[np.int64] | None = None

    def number(self, place: int) -> int:
        """Of the row in a place, from 0."""
        return place + 1 if self.numbers is None else int(self.numbers[place])


def missing_in_words(number: int) -> str:
    """How many values are missing, to follow other words."""
    return f", {number:,} missing" if number else ""


def strays_in_words(strays: dict[str, int]) -> str:
    """How many texts are something else, such as "3 values that are"."""
    number = sum(strays.values())
    return f"{number:,} values that are" if number > 1 else "1 value that is"


def flag_of_kind(name: str, kind: str) -> str:
    """What to say to make a column one of a kind."""
    return f"--as {shlex.quote(f'{name}={kind}')} (as_kind in Python)"


def identifier_note(name: str, why: str, kind: str) -> str:
    """That a column is not used as it looks like an identifier."""
    return (
        f"column {name!r} looks like an identifier ({why}) and is not used; "
        f"to use it, say that it is {kind}: {flag_of_kind(name, kind)}"
    )


def unused_note(name: str, why: str, kind: str | None = None) -> str:
    """That a column is not used, and why."""
    hint = f"; to use it, say that it is {kind}: {flag_of_kind(name, kind)}" if kind else ""
    return f"column {name!r} {why} and is not used{hint}"
