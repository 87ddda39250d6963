"""Split rows into training and held-out rows, and into folds."""

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import tidied
from multilayer.errors import DataError, SettingsError

Rows = NDArray[np.int64]


def split_rows(labels: np.ndarray[Any, Any], fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split rows at random into training rows and held-out rows, stratified by class.

    round(fraction * num_rows) rows are held out, at least one and never all. Each class gives its
    proportional share, rounded down or up by the largest remainder method with random ties.

    Args:
        labels: (num_rows,), the class of each row, of any sortable type.
        fraction: The share to hold out, between 0 and 1, exclusive.
        seed: Not negative. The same labels, fraction and seed give the same split.

    Returns:
        Indices of the training rows and of the held-out rows, each ascending.

    Raises:
        SettingsError: `fraction` or `seed` is out of range.
        DataError: there are fewer than two rows, or `labels` is not one column.
    """
    _require_fraction(fraction)
    _require_rows(labels, "labels", 2)
    num_rows = len(labels)
    generator = seeded_generator(seed, b"split")
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)

    shares = counts * fraction
    num_held_out = np.floor(shares).astype(np.int64)
    total = min(max(round(num_rows * fraction), 1), num_rows - 1)
    by_remainder = np.lexsort((generator.random(len(counts)), num_held_out - shares))
    num_held_out[by_remainder[: total - num_held_out.sum()]] += 1

    shuffled = generator.permutation(num_rows)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    place_in_class = np.arange(num_rows) - np.repeat(np.cumsum(counts) - counts, counts)
    is_held_out = place_in_class < np.repeat(num_held_out, counts)
    return np.sort(by_class[~is_held_out]), np.sort(by_class[is_held_out])


def split_groups(groups: np.ndarray[Any, Any], fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Hold out whole groups of rows, so that no group is in both parts.

    Groups are visited in random order; each is held out if that brings the number of held-out rows
    nearer to fraction * num_rows. At least one group is held out, never all.

    Args:
        groups: (num_rows,), the group of each row; rows with a missing group form one group.
        fraction: The share of rows to hold out, between 0 and 1, exclusive.
        seed: Not negative. The same groups, fraction and seed give the same split.

    Returns:
        See `split_rows`.

    Raises:
        SettingsError: `fraction` or `seed` is out of range.
        DataError: there are fewer than two groups.
    """
    _require_fraction(fraction)
    codes, sizes = _numbered_groups(groups, 2)
    wanted = len(codes) * fraction
    is_held_out = np.zeros(len(sizes), dtype=np.bool_)
    num_held_out = 0
    order = seeded_generator(seed, b"split").permutation(len(sizes))
    for group in order[:-1]:
        if abs(num_held_out + sizes[group] - wanted) < abs(num_held_out - wanted):
            is_held_out[group] = True
            num_held_out += sizes[group]
    if not is_held_out.any():
        is_held_out[np.argmin(sizes)] = True
    return np.flatnonzero(~is_held_out[codes]), np.flatnonzero(is_held_out[codes])


def split_latest(times: np.ndarray[Any, Any], fraction: float) -> tuple[Rows, Rows]:
    """Hold out the latest rows. Rows with equal times stay together.

    Args:
        times: (num_rows,), of any sortable type, none missing.
        fraction: The share of rows to hold out, between 0 and 1, exclusive; the nearest possible
            share is held out.

    Returns:
        See `split_rows`; each held-out row is later than all training rows.

    Raises:
        SettingsError: `fraction` is out of range.
        DataError: there are fewer than two rows, or all times are equal.
    """
    _require_fraction(fraction)
    _require_rows(times, "times", 2)
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) == 1:
        raise DataError("all rows have the same time, so the latest cannot be held out")
    num_earlier = np.cumsum(counts)[:-1]  # training rows, if the split is after this time
    wanted = len(times) * (1 - fraction)
    is_late = times > moments[np.argmin(np.abs(num_earlier - wanted))]
    return np.flatnonzero(~is_late), np.flatnonzero(is_late)


def fold_rows(
    labels: np.ndarray[Any, Any],
    num_folds: int,
    seed: int,
    groups: np.ndarray[Any, Any] | None = None,
) -> NDArray[np.int64]:
    """Assign rows at random to folds of equal size, stratified by class.

    Fold sizes, and the rows of a class in each fold, differ by at most one. With groups, each group
    is in one fold, folds are not stratified, and the largest groups are assigned first, each to the
    smallest fold.

    Args:
        labels: (num_rows,), the class of each row, of any sortable type.
        num_folds: At least 2.
        seed: Not negative. The same arguments give the same folds.
        groups: (num_rows,); None: no groups.

    Returns:
        The fold of each row, from 0, (num_rows,); no fold is empty.

    Raises:
        SettingsError: `num_folds` or `seed` is out of range.
        DataError: there are fewer rows or groups than folds.
    """
    if num_folds < 2:
        raise SettingsError(f"there must be at least 2 folds, not {num_folds}")
    _require_rows(labels, "labels", num_folds)
    generator = seeded_generator(seed, b"folds")
    fold_names = generator.permutation(num_folds)
    if groups is None:
        shuffled = generator.permutation(len(labels))
        by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
        folds = np.empty(len(labels), dtype=np.int64)
        folds[by_class] = fold_names[np.arange(len(labels)) % num_folds]
        return folds
    codes, sizes = _numbered_groups(groups, num_folds)
    if len(codes) != len(labels):
        raise DataError(f"{len(labels)} rows were given {len(codes)} groups")
    order = generator.permutation(len(sizes))
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    waiting = [(0, int(name)) for name in fold_names]
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        num_rows, fold = heapq.heappop(waiting)
        fold_of_group[group] = fold
        heapq.heappush(waiting, (num_rows + int(sizes[group]), fold))
    return fold_of_group[codes]


def halves(
    labels: np.ndarray[Any, Any], seed: int, groups: np.ndarray[Any, Any] | None = None
) -> NDArray[np.bool_] | None:
    """Halve rows at random, stratified by class, or so that no group is in both halves.

    Args:
        labels: (num_rows,), the class of each row, of any sortable type.
        seed: Not negative. The same arguments give the same halves.
        groups: (num_rows,); None: no groups.

    Returns:
        Whether each row is in the second half, (num_rows,); None if there are fewer than two rows
        or groups.
    """
    if len(labels) < 2 or (groups is not None and len(_numbered_groups(groups, 1)[1]) < 2):
        return None
    parts = split_rows(labels, 0.5, seed) if groups is None else split_groups(groups, 0.5, seed)
    is_second = np.zeros(len(labels), dtype=np.bool_)
    is_second[parts[1]] = True
    return is_second


def seeded_generator(seed: int, name: bytes) -> np.random.Generator:
    """NumPy's generator for one purpose; other names give independent numbers.

    Raises:
        SettingsError: the seed is negative.
    """
    if seed < 0:
        raise SettingsError(f"seed must not be negative; it is {seed}")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(name)))


def _require_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise SettingsError(f"the fraction to hold out must be between 0 and 1, not {fraction}")


def _require_rows(values: np.ndarray[Any, Any], what: str, fewest: int) -> None:
    if values.ndim != 1:
        raise DataError(f"{what} must have one dimension, not {values.ndim}")
    if len(values) < fewest:
        raise DataError(f"a split needs at least {fewest} rows, not {len(values)}")


def _numbered_groups(
    groups: np.ndarray[Any, Any], fewest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The group number of each row, in order of appearance, and the size of each group."""
    _require_rows(groups, "groups", fewest)
    number_of: dict[Any, int] = {}
    values = (
        None if value != value else tidied(value) for value in groups.tolist()
    )  # NaN: missing
    codes = np.fromiter((number_of.setdefault(v, len(number_of)) for v in values), np.int64)
    if len(number_of) < fewest:
        raise DataError(
            f"a split needs at least {fewest} groups, there "
            f"{'is' if len(number_of) == 1 else 'are'} {len(number_of)}"
        )
    return codes, np.bincount(codes)
