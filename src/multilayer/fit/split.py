"""Which rows a network learns from, and which it is measured on."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.splits import fold_rows, split_groups, split_latest, split_rows
from multilayer.encoding.targets import Targets
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import DataWarning
from multilayer.fit.rows import Rows
from multilayer.recipes.recipes import HELD_OUT_FRACTION

FEWEST_ROWS_TO_DIVIDE = 10  # fewer are all learned from
FEWEST_ROWS_TO_SELECT = 20  # held-out rows; by fewer the best epoch is chosen by chance

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


def most_repeated(settings: TrainingSettings, validation: Rows | None) -> int:
    """Up to how many rows whole weights are repetitions.

    Copies of a row may then be on both sides of the split, so not where an epoch is chosen by
    what is held out.
    """
    share = 1 / settings.num_folds if settings.num_folds else settings.validation_fraction
    if validation is not None or not share:
        return settings.batch_size
    return min(settings.batch_size, int((FEWEST_ROWS_TO_SELECT - 1) / share))


def split_for(
    rows: Rows, targets: Targets, settings: TrainingSettings, validation: Rows | None
) -> tuple[TrainingSettings, Split]:
    """Split the rows, and settle the settings that depend on what can be held out."""
    everything = np.arange(len(rows))
    strata = np.zeros(len(rows), np.int64)
    if targets.is_classification:
        strata = rows.encoded_targets(targets)
    num_in_company = int((np.bincount(strata)[strata] > 1).sum())  # others are only learned
    can_divide = num_in_company >= FEWEST_ROWS_TO_DIVIDE
    if rows.times is not None and rows.groups is not None and validation is None:
        warnings.warn(
            "the latest rows are held out (time_column, --time-column), and rows of one group "
            "may be on both sides: group_by, --group-by is not used",
            DataWarning,
            stacklevel=4,
        )
    if settings.num_folds and (validation is not None or rows.times is not None):
        fraction = settings.validation_fraction or HELD_OUT_FRACTION
        settings = replace(
            settings,
            num_members=settings.num_folds,
            num_folds=0,
            validation_fraction=0.0 if validation is not None else fraction,
        )
    is_divided = (
        validation is None and can_divide and (settings.num_folds or settings.validation_fraction)
    )
    if validation is None and not is_divided:
        if settings.patience:
            warnings.warn(
                f"no rows are held out of {len(rows)}, so nothing says when to end early: all "
                f"{settings.max_epochs} epochs are run (early_stopping, --patience)",
                DataWarning,
                stacklevel=4,
            )
        settings = without_held_out(settings)
    if not is_divided:
        return settings, Split((everything,) * settings.num_members, None)
    if settings.num_folds:
        parts = folds(strata, settings.num_folds, settings.seed, rows.groups)
        split = Split(tuple(kept for kept, _ in parts), tuple(held for _, held in parts))
        return settings, split
    kept, held = hold_out(
        strata, settings.validation_fraction, settings.seed,
        groups=rows.groups, times=rows.times,
    )  # fmt: skip
    num_members = settings.num_members
    return settings, Split((kept,) * num_members, (held,) * num_members)


def without_held_out(settings: TrainingSettings) -> TrainingSettings:
    """Settings for rows that are all learned from, with nothing to choose an epoch by."""
    num_members = max(settings.num_members, settings.num_folds)
    return replace(
        settings, num_folds=0, num_members=num_members, validation_fraction=0.0, selection="last",
        patience=0,
    )  # fmt: skip
