"""Split rows into training and validation rows, for each member of a population."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.encoding.splits import fold_rows, split_groups, split_latest, split_rows
from multilayer.encoding.targets import Targets
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import DataWarning, SettingsError
from multilayer.fit.rows import Rows
from multilayer.recipes.recipes import HELD_OUT_FRACTION

FEWEST_ROWS_TO_DIVIDE = 10  # of a smaller table nothing is held out
FEWEST_ROWS_TO_SELECT = 20  # held-out rows; fewer select the best epoch by chance

NO_ROWS_TO_MIX_BY = (
    "a pack is mixed by what its networks say of held-out rows, and none are held out; take "
    "num_folds 5, or a validation_fraction such as 0.1"
)

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices for each member of a population.

    Args:
        train: training rows, one array a member.
        held_out: validation rows, one array a member; None: nothing is held out.
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
    """Split rows into a training and a validation set.

    Args:
        strata: a class number for each row, (num_rows,), to stratify by; a class with a single row
            is a training row. All zero for regression.
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: of the random split.
        groups: rows of one group stay together, (num_rows,); not stratified.
        times: the latest rows are held out, (num_rows,); not stratified or grouped.

    Returns:
        Indices of training rows and of held-out rows, both ascending and not empty.

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
    """Split rows into cross-validation folds.

    Args:
        strata: a class number for each row, as in `hold_out`. The row of a class with a single row
            is never held out.
        num_folds: at least 2, at most the number of rows.
        seed: of the random split.
        groups: rows of one group are in one fold.

    Returns:
        For each fold the indices of training rows and of held-out rows.

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


def most_repeated(
    settings: TrainingSettings, validation: Rows | None, schema: Schema | None
) -> int:
    """Up to how many rows integer weights are expanded to repeated rows.

    Copies may end up on both sides of a split, so not where held-out rows select an epoch.
    """
    has_categories = schema is not None and any(c.kind == "categorical" for c in schema.inputs)
    if settings.category_statistics and has_categories:
        return 0  # a copy would meet its target in the statistics of the others
    share = 1 / settings.num_folds if settings.num_folds else settings.validation_fraction
    if validation is not None or not share:
        return settings.batch_size
    return min(settings.batch_size, int((FEWEST_ROWS_TO_SELECT - 1) / share))


def split_for(
    rows: Rows, targets: Targets, settings: TrainingSettings, validation: Rows | None
) -> tuple[TrainingSettings, Split]:
    """Split the rows; adapts the settings if fewer rows can be held out than they ask for."""
    everything = np.arange(len(rows))
    strata = np.zeros(len(rows), np.int64)
    if targets.is_classification:
        strata = rows.encoded_targets(targets)
    num_divisible = int((np.bincount(strata)[strata] > 1).sum())  # single rows of a class train
    can_divide = num_divisible >= FEWEST_ROWS_TO_DIVIDE
    if rows.times is not None and rows.groups is not None and validation is None:
        warnings.warn(
            "group_by (--group-by) is ignored for the split: with time_column (--time-column) the "
            "latest rows are held out, and rows of one group may be on both sides",
            DataWarning,
            stacklevel=4,
        )
    if settings.num_folds and (validation is not None or rows.times is not None):
        fraction = settings.validation_fraction or HELD_OUT_FRACTION
        settings = replace(
            settings,
            num_members=1 if settings.num_draws else settings.num_folds,
            num_folds=0,
            validation_fraction=0.0 if validation is not None else fraction,
        )
    is_divided = (
        validation is None and can_divide and (settings.num_folds or settings.validation_fraction)
    )
    if validation is None and not is_divided:
        if settings.patience:
            warnings.warn(
                f"early stopping is off (early_stopping, --patience): none of the {len(rows)} rows "
                f"are held out to stop by, so all {settings.max_epochs} epochs are run",
                DataWarning,
                stacklevel=4,
            )
        if settings.num_draws and can_divide:
            raise SettingsError(NO_ROWS_TO_MIX_BY)
        if settings.num_draws:
            warnings.warn(
                f"none of the {len(rows)} rows are held out, by which a pack would be mixed: its "
                "settings are not drawn (recipe pack, num_draws), and a time limit is not needed",
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


def with_possible_refit(
    settings: TrainingSettings,
    split: Split,
    *,
    has_own_validation: bool,
    is_begun: bool,
    is_asked: bool,
) -> TrainingSettings:
    """The settings, without `refit` where there is nothing to train a second network on.

    Warns of it where it was asked for.

    Args:
        settings: of the fit.
        split: of its rows.
        has_own_validation: whether the validation rows come from a data set of their own.
        is_begun: whether the training goes on with a network that is there.
        is_asked: whether `refit` was given, and is not the recipe's.
    """
    reason = ""
    if has_own_validation:
        reason = "the validation rows are not from the training data, all of which is learned from"
    elif split.held_out is None:
        reason = "no rows are held out"
    elif is_begun:
        reason = "the training goes on with one network (warm_start)"
    if not settings.refit or not reason:
        return settings
    if is_asked:
        text = f"there is no second network on all rows (refit, --refit): {reason}"
        warnings.warn(text, DataWarning, stacklevel=4)
    return replace(settings, refit=False)


def without_held_out(settings: TrainingSettings) -> TrainingSettings:
    """Settings for training on all rows, without epoch selection."""
    num_members = max(settings.num_members, settings.num_folds)
    return replace(
        settings, num_folds=0, num_members=num_members, validation_fraction=0.0, selection="last",
        patience=0, num_draws=0, drawn=(), time_limit=0.0,
    )  # fmt: skip
