"""Which rows are learned from and which are held out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import DataError, SettingsError


def split_rows(
    labels: np.ndarray[Any, Any], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows at random into a part to train with and a part held out, class by class.

    In all round(fraction * num_rows) rows are held out, though at least one and never all. Each
    class gives its proportional share, rounded down or up (largest remainder method, ties by
    chance), so a class with enough rows is in both parts, and rows that are all of different
    classes are split as if they had none.

    Args:
        labels: (num_rows,), the class of each row, of any type that sorts.
        fraction: The share to hold out, between 0 and 1, both excluded.
        seed: Not negative. The same labels, fraction and seed give the same rows.

    Returns:
        The row numbers to train with and those held out, each in ascending order; together they
        are all rows, each once.

    Raises:
        SettingsError: `fraction` or `seed` is out of range.
        DataError: there are fewer than two rows, or `labels` is not one column.
    """
    if not 0 < fraction < 1:
        raise SettingsError(f"the fraction to hold out must be between 0 and 1, not {fraction}")
    if seed < 0:
        raise SettingsError(f"the seed must not be negative, it is {seed}")
    if labels.ndim != 1:
        raise DataError(f"labels must have one dimension, not {labels.ndim}")
    num_rows = len(labels)
    if num_rows < 2:
        raise DataError(f"a split needs at least 2 rows, not {num_rows}")

    address = np.random.SeedSequence(seed, spawn_key=tuple(b"split"))
    generator = np.random.default_rng(address)
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
