"""From the rows of a table to a model: what the estimators and the command line both call.

fit = TableFit(rows, infer_schema(rows.frame), recipe_name="default")
for epoch in fit.epochs():
    print(epoch.epoch, epoch.train_loss)
model = fit.model()
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.fit.population_fit import PopulationFit
from multilayer.fit.split import Division, folds, hold_out
from multilayer.fit.table_rows import TableRows
from multilayer.model.held_out import HeldOut
from multilayer.model.model import Model
from multilayer.recipes.recipes import (
    HELD_OUT_FRACTION,
    LOSSES_OF_TASKS,
    TaskName,
    recipe,
)

FEWEST_ROWS_TO_DIVIDE = 10  # fewer are all learned from
FEWEST_ROWS_TO_SELECT = 20  # held-out rows; by fewer the best epoch is chosen by chance
SEED_STEP = 1 << 32  # so that the members of one seed are not those of the next


class TableFit(PopulationFit):
    """Fits a population of networks to rows in memory.

    Rows of weight 0 are left out. In a table that fits one batch the order of the rows does not
    matter, and a row of a whole weight is as many rows, unless so many are held out that an epoch
    is chosen by them, or one row weighs far more than the others. Rows are split as they are: equal
    ones may be on both sides, as equal rows to come may be. Where one network holds out fewer than
    20 rows its last epoch counts, unless a selection is asked for: so few rows calibrate it, but
    choose an epoch by chance.

    The encoder is fitted to the rows that are learned from; where folds are, to all rows, which
    are learned from by one network or another (it never sees a target).

    Args:
        rows: to learn from, and to hold rows out of.
        schema: which columns are inputs, and of which kind.
        task: None: as `infer_task` finds it.
        target_names: None: "target", …
        recipe_name: see `recipe`.
        changes: settings that shall differ from the recipe's, by name.
        validation: rows to be measured on; None: they are held out of `rows` as the settings say.
            With rows of their own the networks of folds learn from all of `rows`.
        class_weight: see `TableRows.weighted_by_class`.
        start: a model whose encoder, targets and weights are gone on with; None: a new one.

    Attributes:
        division: which row is used how; row numbers are of `rows` as they are used.
        rows: as they are used.

    Raises:
        SettingsError: the recipe or a setting is unknown or out of range.
        DataError: the rows cannot be used.
    """

    def __init__(
        self,
        rows: TableRows,
        schema: Schema,
        *,
        task: Task | None = None,
        target_names: Sequence[str] | None = None,
        recipe_name: str = "default",
        changes: Mapping[str, Any] | None = None,
        validation: TableRows | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        start: Model | None = None,
    ) -> None:
        rows = rows.drop_zero_weight()
        if len(rows) < 2:
            raise TableError(f"there is {len(rows)} row to learn from; at least 2 are needed")
        if task is None and (changes or {}).get("loss") in LOSSES_OF_TASKS["regression"]:
            task = "regression"  # whole numbers would be taken for classes
        targets = Targets.fit(rows.targets, task, target_names, numbers=rows.numbers)
        if targets.is_classification and len(targets.classes) < 2:
            raise TableError(
                f"the target {targets.names[0]!r} has the class {targets.classes[0]!r} alone; "
                "at least 2 classes are needed"
            )
        self.recipe_name, self.schema = recipe_name, schema
        self.settings = recipe(
            recipe_name,
            TASK_NAMES[targets.task],
            num_rows=len(rows),
            num_columns=len(schema.inputs),
            **(changes or {}),
        )
        if targets.task == "regression":
            targets = self._scaled(rows.targets, targets.names)
            require_different_numbers(targets)
        is_whole = len(rows) <= self.settings.batch_size
        if is_whole and rows.groups is None and rows.times is None:
            rows = rows.repeated(self._most_repeated(validation)).in_order(targets)
        self.rows = rows = rows.weighted_by_class(class_weight, targets)
        self.division = self._divide(targets, validation)
        held_out = self.division.held_out
        is_few = held_out is not None and len(held_out[0]) < FEWEST_ROWS_TO_SELECT
        if (
            is_few
            and not self.settings.num_folds
            and not {"selection", "patience"} & {*(changes or {})}
        ):
            self.settings = replace(self.settings, selection="last")
        learned = rows if self.settings.num_folds else rows.take(self.division.train[0])
        if start is not None:
            if start.targets.classes != targets.classes or start.targets.task != targets.task:
                raise SettingsError("a fit can only go on with the same classes as before")
            if start.targets.scale.quantiles != targets.scale.quantiles or (
                start.targets.scale.are_counts != targets.scale.are_counts
            ):
                raise SettingsError("a fit can only go on with the same loss as before")
            self.encoder, self.targets = start.table_encoder, start.targets
        else:
            plan = EncodingPlan(self.settings.one_hot_limit or None)
            self.encoder = Encoder.fit(learned.frame, schema, plan)
            self.targets = targets
            if targets.task == "regression":
                self.targets = self._scaled(learned.targets, targets.names)
        self.has_own_validation = validation is not None
        self._members = self._settings_of_members()
        self._examples = self._as_examples(rows)
        self._held_out = self._hold_out(validation)
        self.network = self._network(start)
        self.history: list[dict[str, Any]] = []

    @property
    def num_rows(self) -> int:
        """Rows that are learned from or held out."""
        return len(self.rows)

    @property
    def num_held_out(self) -> int | None:
        """Rows held out of the table's own, by one member; None: none are."""
        held_out = self.division.held_out
        return None if held_out is None else len(held_out[0])

    def held_out_numbers(self) -> NDArray[np.int64]:
        """The numbers in the file of all rows that are held out, ascending."""
        held_out, numbers = self.division.held_out, self.rows.numbers
        if held_out is None or numbers is None:
            return np.empty(0, np.int64)
        return np.unique(numbers[np.concatenate(held_out)])

    def examples_of_member(self, member: int) -> tuple[Examples, Examples | None]:
        """The rows that a member learns from, and those that it is measured on, if any."""
        learned = _subset(self._examples, self.division.train[member])
        if self._held_out is None or self._held_out.rows is None:
            return learned, None if self._held_out is None else self._held_out.examples
        return learned, _subset(self._held_out.examples, self._held_out.rows[member])

    def members_holding_out(self, numbers: Sequence[int]) -> list[int] | None:
        """See `PopulationFit`."""
        held_out, own = self.division.held_out, self.rows.numbers
        if held_out is None or own is None or self.division.is_shared:
            return None
        member_of = {
            number: member for member, rows in enumerate(held_out) for number in own[rows].tolist()
        }
        return [member_of[number] for number in numbers]

    def _scaled(self, values: NDArray[Any], names: Sequence[str]) -> Targets:
        """Numbers on the scale that the loss asks for."""
        settings = self.settings
        return Targets.fit(
            values, "regression", names, loss=settings.loss, quantiles=settings.quantiles
        )

    def _most_repeated(self, validation: TableRows | None) -> int:
        """Up to how many rows whole weights are repetitions.

        Copies of a row may then be on both sides of the split, so not where an epoch is chosen by
        what is held out.
        """
        settings = self.settings
        share = 1 / settings.num_folds if settings.num_folds else settings.validation_fraction
        if validation is not None or not share:
            return settings.batch_size
        return min(settings.batch_size, int((FEWEST_ROWS_TO_SELECT - 1) / share))

    def _divide(self, targets: Targets, validation: TableRows | None) -> Division:
        """Divide the rows, and settle the settings that depend on what can be held out."""
        rows, settings = self.rows, self.settings
        everything = np.arange(len(rows))
        strata = np.zeros(len(rows), np.int64)
        if targets.is_classification:
            strata = targets.encode(rows.targets)
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
            validation is None
            and can_divide
            and (settings.num_folds or settings.validation_fraction)
        )
        if validation is None and not is_divided:
            if settings.patience:
                warnings.warn(
                    f"no rows are held out of {len(rows)}, so nothing says when to end early: all "
                    f"{settings.max_epochs} epochs are run (early_stopping, --patience)",
                    DataWarning,
                    stacklevel=4,
                )
            num_members = max(settings.num_members, settings.num_folds)
            settings = replace(
                settings, num_folds=0, num_members=num_members, validation_fraction=0.0,
                selection="last", patience=0,
            )  # fmt: skip
        self.settings = settings
        if not is_divided:
            return Division((everything,) * settings.num_members, None)
        if settings.num_folds:
            parts = folds(strata, settings.num_folds, settings.seed, rows.groups)
            return Division(tuple(kept for kept, _ in parts), tuple(held for _, held in parts))
        kept, held = hold_out(
            strata, settings.validation_fraction, settings.seed,
            groups=rows.groups, times=rows.times,
        )  # fmt: skip
        return Division((kept,) * settings.num_members, (held,) * settings.num_members)

    def _settings_of_members(self) -> list[TrainingSettings]:
        return [
            replace(self.settings, seed=self.settings.seed + member * SEED_STEP)
            for member in range(len(self.division.train))
        ]

    def _as_examples(self, rows: TableRows) -> Examples:
        inputs = torch.from_numpy(self.encoder.encode(rows.frame))
        targets = torch.from_numpy(self.targets.encode(rows.targets, rows.numbers))
        weights = None
        if rows.weights is not None:
            weights = torch.from_numpy((rows.weights / rows.weights.mean()).astype(np.float32))
        return Examples(inputs, targets, weights)

    def _hold_out(self, validation: TableRows | None) -> HeldOut | None:
        if validation is not None:
            examples = self._as_examples(validation.drop_zero_weight())
            return HeldOut(examples, None)
        if self.division.held_out is None:
            return None
        if self.division.is_shared:
            return HeldOut(_subset(self._examples, self.division.held_out[0]), None)
        return HeldOut(self._examples, self.division.held_out)

    def _learned(self) -> Examples:
        shared = self.division.train[0]
        if self.division.is_shared and len(shared) < len(self._examples):
            return _subset(self._examples, shared)
        return self._examples

    def _row_numbers(self) -> list[torch.Tensor] | None:
        if self.division.is_shared:
            return None
        return [torch.from_numpy(rows) for rows in self.division.train]

    def _network(self, start: Model | None) -> Network:
        spec = self.settings.network_spec(
            self.encoder.num_inputs,
            self.targets.num_outputs,
            num_numeric=self.encoder.num_numeric,
            category_sizes=self.encoder.category_sizes,
            one_hot_blocks=self.encoder.one_hot_blocks,
        )
        if start is not None:
            if start.network.spec != spec or start.network.num_members != len(self._members):
                raise SettingsError(
                    "a fit can only go on with networks of the same shape and number"
                )
            return Network.of(spec, start.network.parameters.clone())
        rows = [torch.from_numpy(rows) for rows in self.division.train]
        return Network.for_training(spec, self._members, self._examples.inputs, rows)

    def _example_row(self) -> dict[str, Any]:
        return self.rows.frame.select(self.encoder.column_names).row(0, named=True)


def require_different_numbers(targets: Targets) -> None:
    """Raise TableError for a target that is one number in all rows; of several, warn of some.

    Args:
        targets: fitted to numbers.
    """
    lowest, highest = targets.scale.lowest, targets.scale.highest
    constant = [
        f"{name!r} is {low:g} in every row"
        for name, low, high in zip(targets.names, lowest, highest, strict=True)
        if low == high
    ]
    if len(constant) == len(targets.names):
        raise TableError(
            f"the target {' and '.join(constant)}; at least 2 different numbers are needed"
        )
    if constant:
        warnings.warn(f"the target {' and '.join(constant)}", DataWarning, stacklevel=4)


TASK_NAMES: dict[Task, TaskName] = {
    "binary": "classification",
    "multiclass": "classification",
    "multilabel": "multilabel",
    "regression": "regression",
}


def _subset(examples: Examples, rows: NDArray[np.int64]) -> Examples:
    numbers = torch.from_numpy(rows)
    weights = None if examples.weights is None else examples.weights[numbers]
    return Examples(examples.inputs[numbers], examples.targets[numbers], weights)
