"""Which rows a network learns from, and which it is measured on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.splits import fold_rows, split_groups, split_latest, split_rows

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers for each member of a population.

    Args:
        train: rows to learn from, one array a member.
        held_out: rows to be measured on, likewise; none at all in a table that is too small.
    """

    train: tuple[RowNumbers, ...]
    held_out: tuple[RowNumbers, ...] | None

    @property
    def is_shared(self) -> bool:
        """Whether all members have the same rows."""
        return all(rows is self.train[0] for rows in self.train)


def hold_out(
    strata: RowNumbers,
    fraction: float,
    seed: int,
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
) -> tuple[RowNumbers, RowNumbers]:
    """Divide rows in two, for one network.

    Args:
        strata: a class number for each row, (num_rows,); the share held out is about equal in all,
            and a class of a single row is learned from. Numbers to predict are one class.
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: of the draw.
        groups: rows of one group stay together, (num_rows,); classes are then not looked at.
        times: the latest rows are held out, (num_rows,); neither classes nor groups are looked at.

    Returns:
        Row numbers to learn from and row numbers held out, both ascending and not empty.

    Raises:
        DataError: there are fewer than two rows or groups, or all times are equal.
    """
    if times is not None:
        return split_latest(times, fraction)
    if groups is not None:
        return split_groups(groups, fraction, seed)
    kept, held_out = split_rows(strata, fraction, seed)
    is_learned = np.isin(strata[held_out], strata[kept])
    if not is_learned.any():
        return kept, held_out
    return np.sort(np.concatenate([kept, held_out[~is_learned]])), held_out[is_learned]


def folds(
    strata: RowNumbers, num_folds: int, seed: int, groups: NDArray[Any] | None = None
) -> tuple[tuple[RowNumbers, RowNumbers], ...]:
    """Divide rows into folds: each is held out once, and learned from by the other networks.

    Args:
        strata: a class number for each row, as in `hold_out`. Rows of a class with a single row are
            held out by nobody.
        num_folds: at least 2, at most the number of rows.
        seed: of the draw.
        groups: rows of one group are in one fold.

    Returns:
        For each fold the rows to learn from and the rows held out.

    Raises:
        DataError: there are fewer rows or groups than folds.
    """
    fold_of_row = fold_rows(strata, num_folds, seed, groups)
    if groups is None:
        fold_of_row[np.bincount(strata)[strata] == 1] = -1
    return tuple(
        (np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold))
        for fold in range(num_folds)
    )
