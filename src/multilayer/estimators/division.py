"""Which rows of a table a network learns from, and which it is measured on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilayer.data.splits import split_rows
from multilayer.errors import DataError

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Division:
    """Row numbers for each member of a population.

    Args:
        train: rows to learn from, one array a member.
        held_out: rows to be measured on, likewise; none at all in a table that is too small.
    """

    train: tuple[Rows, ...]
    held_out: tuple[Rows, ...] | None

    @property
    def is_shared(self) -> bool:
        """Whether all members have the same rows."""
        return all(rows is self.train[0] for rows in self.train)


def hold_out(
    strata: Rows,
    fraction: float,
    seed: int,
    *,
    groups: NDArray[np.generic] | None = None,
    times: NDArray[np.generic] | None = None,
) -> tuple[Rows, Rows]:
    """Divide rows in two, for one network.

    Args:
        strata: a class number for each row, (num_rows,); the share held out is about equal in all,
            and a class of a single row is learned from. Numbers to predict are one class.
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: of the draw.
        groups: rows of one group stay together, (num_rows,); classes are then not looked at.
        times: the latest rows are held out, (num_rows,); classes are then not looked at.

    Returns:
        Row numbers to learn from and row numbers held out, both ascending and not empty.

    Raises:
        DataError: there are fewer than two rows or groups, or all times are equal.
    """
    if times is not None:
        return _latest(times, fraction)
    if groups is not None:
        fold_of_row = group_folds(groups, max(2, round(1 / fraction)), seed)
        is_held_out = fold_of_row == 0
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    kept, held_out = split_rows(strata, fraction, seed)
    is_learned = np.isin(strata[held_out], strata[kept])
    if not is_learned.any():
        return kept, held_out
    return np.sort(np.concatenate([kept, held_out[~is_learned]])), held_out[is_learned]


def folds(
    strata: Rows, num_folds: int, seed: int, groups: NDArray[np.generic] | None = None
) -> tuple[tuple[Rows, Rows], ...]:
    """Divide rows into folds: each is held out once, and learned from by the other networks.

    Args:
        strata: a class number for each row, as in `hold_out`. Rows of a class with a single row
            are held out by nobody.
        num_folds: at least 2, at most the number of rows.
        seed: of the draw.
        groups: rows of one group are in one fold.

    Returns:
        For each fold the rows to learn from and the rows held out.

    Raises:
        DataError: there are fewer groups than folds.
    """
    if groups is None:
        fold_of_row = _stratified_folds(strata, num_folds, seed)
    else:
        fold_of_row = group_folds(groups, num_folds, seed)
    return tuple(
        (np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold))
        for fold in range(num_folds)
    )


def group_folds(groups: NDArray[np.generic], num_folds: int, seed: int) -> Rows:
    """The fold of each row: groups, the largest first, go to the fold with the fewest rows.

    Raises:
        DataError: there are fewer groups than folds.
    """
    names, group_of_row, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < num_folds:
        raise DataError(
            f"{num_folds} parts need at least {num_folds} groups; the rows are of {len(names)}"
        )
    order = _generator(seed).permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    fold_of_group, sizes = np.zeros(len(names), np.int64), np.zeros(num_folds, np.int64)
    for group in order:
        fold = int(sizes.argmin())
        fold_of_group[group] = fold
        sizes[fold] += counts[group]
    # The fold that a single network holds out is the smallest one.
    rank = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
    return rank[fold_of_group[group_of_row]]


def _stratified_folds(strata: Rows, num_folds: int, seed: int) -> Rows:
    """The fold of each row; −1 where the row is the only one of its class."""
    counts = np.bincount(strata)
    shuffled = _generator(seed).permutation(len(strata))
    by_class = shuffled[np.argsort(strata[shuffled], kind="stable")]
    by_class = by_class[counts[strata[by_class]] > 1]
    fold_of_row = np.full(len(strata), -1)
    fold_of_row[by_class] = np.arange(len(by_class)) % num_folds
    return fold_of_row


def _latest(times: NDArray[np.generic], fraction: float) -> tuple[Rows, Rows]:
    """Rows of one moment stay together."""
    order = np.argsort(times, kind="stable")
    in_order = times[order]
    start = min(max(round(len(times) * (1 - fraction)), 1), len(times) - 1)
    first = int(np.searchsorted(in_order, in_order[start]))
    if first == 0:
        first = int(np.searchsorted(in_order, in_order[start], side="right"))
    if first == len(times):
        raise DataError("the latest rows cannot be held out: all rows are of the same time")
    return np.sort(order[:first]), np.sort(order[first:])


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"folds")))
