"""Sentences about columns, for warnings."""

import shlex
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """The row numbers of a frame in its file, from 1; None means 1, 2, 3 and so on."""

    numbers: NDArray[np.int64] | None = None

    def number(self, place: int) -> int:
        """The number of a row, given its index from 0."""
        return place + 1 if self.numbers is None else int(self.numbers[place])


def missing_in_words(number: int) -> str:
    """The number of missing values, as in ", 3 missing"; empty for 0."""
    return f", {number:,} missing" if number else ""


def strays_in_words(strays: dict[str, int]) -> str:
    """The number of strays, as in "3 values that are"."""
    number = sum(strays.values())
    return f"{number:,} values that are" if number > 1 else "1 value that is"


def flag_of_kind(name: str, kind: str) -> str:
    """The flag that sets the kind of a column."""
    return f"--as {shlex.quote(f'{name}={kind}')} (as_kind in Python)"


def flag_of_missing(value: str) -> str:
    """The flag that says that a value means missing."""
    return f"--missing {shlex.quote(value)} (missing in Python)"


def identifier_note(name: str, why: str, kind: str) -> str:
    """The warning that a column is not used because it looks like an identifier."""
    return (
        f"column {name!r} looks like an identifier ({why}) and is not used; "
        f"to use it as {kind}, add {flag_of_kind(name, kind)}"
    )


def unused_note(name: str, why: str, kind: str | None = None) -> str:
    """The warning that a column is not used, and why."""
    hint = f"; to use it as {kind}, add {flag_of_kind(name, kind)}" if kind else ""
    return f"column {name!r} {why} and is not used{hint}"


def units_row_note(units: dict[str, str]) -> str:
    """That the first row holds the units of columns, given by name."""
    texts, names = (", ".join(map(repr, each)) for each in (units.values(), units))
    return (
        f"row 1 seems to hold units ({texts}) below the header, which are treated as missing in "
        f"columns {names}; delete that row"
    )
