"""Find the rows of rare classes while a table is read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_checks import plain

_MOST_ROWS_OF_A_CLASS = 100  # of more rows a random draw holds out nearly its share
_MOST_ROWS = 100_000  # of all rare classes


class RareRows:
    """The rows of the labels that few rows have.

    Attributes:
        most: rows of a label that are kept; a label with more has none. It is halved where there
            are very many rare labels.
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
        rare = [label for label, count in counts.items() if count <= self.most]
        for label in self._rows.keys() - set(rare):
            del self._rows[label]
        if not rare:
            return
        if values.dtype.kind in "biuf":
            places = np.flatnonzero(np.isin(values, rare)).tolist()
        else:
            known = set(rare)
            places = [place for place, value in enumerate(values.tolist()) if value in known]
        for place in places:
            self._rows.setdefault(plain(values[place]), []).append(first + place)
        while self.most > 1 and sum(map(len, self._rows.values())) > _MOST_ROWS:
            self.most //= 2
            self._rows = {n: rows for n, rows in self._rows.items() if len(rows) <= self.most}

    def of(self, label: Any) -> Sequence[int]:
        """The indices of a label's rows, ascending; none where it is not rare."""
        return self._rows.get(label, ())
