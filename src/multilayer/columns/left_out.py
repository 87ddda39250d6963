"""Rows that are left out because their target is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.text_numbers import shown

if TYPE_CHECKING:
    import polars as pl

_MOST_ROWS = 3
_MOST_SPELLINGS = 5


@dataclass(frozen=True)
class LeftOut:
    """Rows that are left out of a table.

    Attributes:
        num_without_target: number of rows whose target is missing.
        first_without_target: row numbers of the first three, from 1.
        spellings: how often each spelling of a missing target occurs, empty text not counted.
    """

    num_without_target: int = 0
    first_without_target: tuple[int, ...] = ()
    spellings: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        piece: "pl.DataFrame",
        target: Sequence[str],
        is_there: NDArray[np.bool_],
        first_row: int,
    ) -> "LeftOut":
        """The rows left out of a piece of a table.

        Args:
            piece: as it is in the file.
            target: names of the target columns.
            is_there: whether each row has a target, (num_rows,).
            first_row: the number of the piece's first row, from 1.
        """
        import polars as pl

        if is_there.all():
            return cls()
        without = np.flatnonzero(~is_there)
        spellings: dict[str, int] = {}
        for series in piece.select(target)[without].iter_columns():
            if series.dtype == pl.String:
                for text, count in series.str.strip_chars().drop_nulls().value_counts().iter_rows():
                    if text:
                        spellings[text] = spellings.get(text, 0) + count
        first = tuple(int(place) + first_row for place in without[:_MOST_ROWS])
        return cls(len(without), first, spellings)

    def after(self, num_rows: int) -> "LeftOut":
        """The same rows, numbered as if so many others came before."""
        first = tuple(row + num_rows for row in self.first_without_target)
        return LeftOut(self.num_without_target, first, self.spellings)

    def __add__(self, other: "LeftOut") -> "LeftOut":
        """The rows left out of two pieces, this one the earlier."""
        spellings = dict(self.spellings)
        for text, count in other.spellings.items():
            spellings[text] = spellings.get(text, 0) + count
        return LeftOut(
            self.num_without_target + other.num_without_target,
            (*self.first_without_target, *other.first_without_target)[:_MOST_ROWS],
            spellings,
        )

    def without_target_in_words(self) -> str:
        """How many rows have no target, and which: "2 rows (rows 5, 9)"."""
        return _rows_in_words(self.num_without_target, self.first_without_target)

    def notes(self, target: Sequence[str], source: str) -> tuple[str, ...]:
        """A sentence on the rows left out, or none.

        Args:
            target: names of the target columns.
            source: name of the table in the sentence.
        """
        if not self.num_without_target:
            return ()
        names = ", ".join(map(repr, target))
        has, are = ("has", "is") if self.num_without_target == 1 else ("have", "are")
        rows, why = self.without_target_in_words(), self._spellings_in_words()
        return (f"{rows} of {source} {has} no target {names} and {are} left out{why}",)

    def _spellings_in_words(self) -> str:
        if not self.spellings:
            return ""
        often = sorted(self.spellings, key=lambda text: (-self.spellings[text], text))
        listed = ", ".join(
            f"{shown(text)} ({self.spellings[text]:,})" for text in often[:_MOST_SPELLINGS]
        )
        return f"; {listed} means missing: add --keep-na to make it a class"


def _rows_in_words(num_rows: int, first: tuple[int, ...]) -> str:
    if num_rows == 1:
        return f"1 row (row {first[0]})"
    listed = ", ".join(map(str, first))
    more = ", …" if num_rows > len(first) else ""
    return f"{num_rows:,} rows (rows {listed}{more})"
