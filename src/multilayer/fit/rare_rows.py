"""Find the rows of rare classes while a table is read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_checks import plain

_MOST_ROWS_OF_A_CLASS = 100  # of more rows a random draw holds out nearly its share
_MOST_ROWS = 100_000  # of all rare classes


class RareRows:
    """The rows of the labels that few rows have: the same however the table is read in parts.

    Attributes:
        most: rows of a label that are kept; a label with more has none. Fewer where there are very
            many labels.
    """

    def __init__(self) -> None:
        self.most = _MOST_ROWS_OF_A_CLASS
        self._rows: dict[Any, list[int]] = {}

    def add(self, values: NDArray[Any], first: int, counts: Mapping[Any, int]) -> None:
        """Take in rows.

        Args:
            values: their labels, (num_rows,).
            first: the index of the first of them.
            counts: how many rows each label has, these included.
        """
        rare = self._cut(counts)
        if not rare:
            return
        if values.dtype.kind in "biuf":
            places = np.flatnonzero(np.isin(values, list(rare))).tolist()
        else:
            places = [place for place, value in enumerate(values.tolist()) if value in rare]
        for place in places:
            self._rows.setdefault(plain(values[place]), []).append(first + place)

    def merge(self, other: "RareRows", rows_before: int, counts: Mapping[Any, int]) -> None:
        """Take those of the next part of the table.

        Args:
            other: its rows are counted from 0.
            rows_before: rows before that part.
            counts: how many rows each label has, those of that part included.
        """
        for label, rows in other._rows.items():
            self._rows.setdefault(label, []).extend(row + rows_before for row in rows)
        self._cut(counts)

    def _cut(self, counts: Mapping[Any, int]) -> set[Any]:
        """Leave out what is rare no more; the labels that are.

        The limit follows from the number of labels alone: what is rare in the whole table is so in
        each part of it.
        """
        self.most = min(_MOST_ROWS_OF_A_CLASS, _MOST_ROWS // max(len(counts), 1))
        rare = {label for label, count in counts.items() if count <= self.most}
        for label in self._rows.keys() - rare:
            del self._rows[label]
        return rare

    def of(self, label: Any) -> Sequence[int]:
        """The indices of a label's rows, ascending; none where it is not rare."""
        return self._rows.get(label, ())
