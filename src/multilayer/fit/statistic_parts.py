"""Where a fit has target statistics of categories, and in which part of them each row lies.

See `engine.target_statistics` for parts and versions.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.encoding.encoder import Encoder
from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.splits import fold_rows
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.settings import NUM_STATISTIC_PARTS, TrainingSettings
from multilayer.engine.target_statistics import with_versions
from multilayer.errors import DataWarning, SettingsError
from multilayer.fit.split import Split

_MOST_STATISTICS = 10  # of a category; with more classes most are of few rows
_MOST_CODES = 2**24  # float32 holds whole numbers up to here


def num_statistics(targets: Targets) -> int:
    """Statistics of each category: one for each class (of two: one), label or number.

    0 where there would be more than ten.
    """
    number = len(targets.classes) or len(targets.names)
    if targets.task == "binary":
        number = 1
    return number if number <= _MOST_STATISTICS else 0


def with_possible_statistics(
    settings: TrainingSettings,
    encoder: Encoder | ImageEncoder,
    targets: Targets,
    split: Split,
    groups: NDArray[Any] | None,
    *,
    is_asked: bool,
) -> TrainingSettings:
    """The settings, without `category_statistics` where the rows do not allow them.

    Then categories are embedded. Warns of it where the setting was asked for.

    Args:
        settings: of the fit.
        encoder: of its features.
        targets: of its rows.
        split: of its rows.
        groups: of its rows, (num_rows,), or None.
        is_asked: whether the setting was given, and is not the recipe's.
    """
    if not settings.category_statistics:
        return settings
    sizes, reason = encoder.category_sizes, ""
    num_versions = 1 + (settings.num_folds or NUM_STATISTIC_PARTS)
    if not sizes:
        reason = f"no categorical column has more than {settings.one_hot_limit} values"
        if not settings.one_hot_limit:
            reason = "one_hot_limit (--one-hot-limit) 0 gives every value a column of its own"
        if encoder.image_shape is not None:
            reason = "images have no columns"
    elif not num_statistics(targets):
        count = len(targets.classes) or len(targets.names)
        what = "classes" if targets.classes else "targets"
        reason = f"there are {count} {what}, more than {_MOST_STATISTICS}"
    elif max(sizes) * num_versions > _MOST_CODES:
        reason = f"a column has {max(sizes) - 1:,} categories"
    elif _num_units(split.train[0], groups) < 2:
        reason = "the training rows are one group"
    if is_asked and reason:
        warnings.warn(
            f"category_statistics (--category-statistics) are left out: {reason}",
            DataWarning,
            stacklevel=4,
        )
    if not sizes or not reason:  # of no column there are none
        return settings
    return replace(settings, category_statistics=False, embedding_limit=0)


def without_statistics(settings: TrainingSettings, why: str, *, is_asked: bool) -> TrainingSettings:
    """The settings without `category_statistics`, where the rows are not there at once.

    A recipe that has them embeds all categories there.

    Raises:
        SettingsError: they were asked for.
    """
    if settings.category_statistics and is_asked:
        raise SettingsError(
            f"category_statistics (--category-statistics) need all training rows at once, but {why}"
        )
    return replace(settings, category_statistics=False, embedding_limit=0)


def encoded_with_versions(
    examples: Examples,
    sizes: tuple[int, ...],
    split: Split,
    seed: int,
    groups: NDArray[Any] | None,
) -> Examples:
    """Encode the rows with the version of the statistics that each may see.

    In folds it is 1 + the row's fold; the row of a class with a single row, which all members are
    trained on, has version 1. Without folds training rows are divided at random into five parts,
    alike in their classes, and held-out rows have version 0.

    Args:
        examples: all rows, encoded.
        sizes: number of codes of each embedded column; of none, nothing changes.
        split: of the rows.
        seed: of the random parts.
        groups: rows of one group are in one part, (num_rows,); None: no groups.
    """
    if not sizes:
        return examples
    if split.held_out is not None and not split.is_shared:
        return encoded_by_folds(examples, sizes, split.held_out)
    train = split.train[0]
    strata = np.zeros(len(train), np.int64)
    if not examples.targets.is_floating_point():
        strata = examples.targets.numpy()[train]
    num_parts = min(NUM_STATISTIC_PARTS, _num_units(train, groups))
    of_train = None if groups is None else groups[train]
    versions = np.zeros(len(examples), np.int64)
    versions[train] = 1 + fold_rows(strata, num_parts, seed, of_train)
    return _with_versions(examples, sizes, versions)


def encoded_by_folds(
    examples: Examples, sizes: tuple[int, ...], held_out: Sequence[NDArray[np.int64]]
) -> Examples:
    """Encode each row with version 1 + the fold that holds it out; 1 where none does."""
    versions = np.ones(len(examples), np.int64)
    for fold, rows in enumerate(held_out):
        versions[rows] = 1 + fold
    return _with_versions(examples, sizes, versions)


def _with_versions(
    examples: Examples, sizes: tuple[int, ...], versions: NDArray[np.int64]
) -> Examples:
    inputs = with_versions(examples.inputs, sizes, torch.from_numpy(versions))
    return replace(examples, inputs=inputs)


def _num_units(train: NDArray[np.int64], groups: NDArray[Any] | None) -> int:
    """How much may be in different parts: training rows, or groups of them."""
    return len(train) if groups is None else len({str(name) for name in groups[train].tolist()})
