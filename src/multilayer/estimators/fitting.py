"""From the rows of a table to a model: what the estimators and the command line both call.

fit = TableFit(rows, infer_schema(rows.frame), recipe_name="default")
for epoch in fit.epochs():
    print(epoch.epoch, epoch.train_loss)
model = fit.model()
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from threading import Event
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.data.encoder import Encoder, EncodingPlan
from multilayer.data.schema import Schema
from multilayer.data.target_values import Task
from multilayer.data.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.errors import SettingsError, TableError
from multilayer.estimators.division import Division, folds, hold_out
from multilayer.estimators.held_out import HeldOut
from multilayer.estimators.recipes import TaskName, recipe
from multilayer.estimators.table_rows import TableRows
from multilayer.model_file.table_model import TableModel

_FEWEST_ROWS_TO_DIVIDE = 10  # fewer are all learned from
_HELD_OUT_FRACTION = 0.2  # where folds cannot be made, as of rows in the order of time
_SEED_STEP = 1 << 32  # so that the members of one seed are not those of the next


class TableFit:
    """Fits a population of networks to rows.

    Rows of weight 0 are left out. A table that fits one batch is learned from as a whole: equal
    rows are merged into one of their common weight.

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
        settings: as they are used.
        targets: what the outputs stand for.
        encoder: makes inputs of rows.
        network: the population.
        division: which row is used how; row numbers are of `rows` as they are used.
        rows: as they are used.
        has_own_validation: whether rows to be measured on were given.
        history: a line an epoch, for people and files: mean losses over the members.

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
        start: TableModel | None = None,
    ) -> None:
        rows = rows.that_count()
        if len(rows) < 2:
            raise TableError(f"there is {len(rows)} row to learn from; at least 2 are needed")
        targets = Targets.fit(rows.targets, task, target_names)
        if targets.is_classification and len(targets.classes) < 2:
            raise TableError(
                f"the target {targets.names[0]!r} has the class {targets.classes[0]!r} alone; "
                "at least 2 classes are needed"
            )
        rows = rows.weighted_by_class(class_weight, targets)
        self.recipe_name, self.schema = recipe_name, schema
        self.settings = recipe(
            recipe_name,
            TASK_NAMES[targets.task],
            num_rows=len(rows),
            num_columns=len(schema.inputs),
            **(changes or {}),
        )
        if self.settings.loss == "poisson" or len(self.settings.quantiles) > 1:
            raise SettingsError(
                "tables are fitted with one output for each target, standardised: the loss "
                "'poisson' and several quantiles are for the engine alone"
            )
        is_whole = len(rows) <= self.settings.batch_size
        if is_whole and rows.groups is None and rows.times is None:
            rows = rows.merged(targets)
        self.rows = rows
        self.division = self._divide(targets, validation)
        learned = rows if self.settings.num_folds else rows.take(self.division.train[0])
        if start is not None:
            if start.targets.classes != targets.classes or start.targets.task != targets.task:
                raise SettingsError("a fit can only go on with the same classes as before")
            self.encoder, self.targets = start.encoder, start.targets
        else:
            plan = EncodingPlan(self.settings.one_hot_limit or None)
            self.encoder = Encoder.fit(learned.frame, schema, plan)
            self.targets = targets
            if targets.task == "regression":
                self.targets = Targets.fit(learned.targets, "regression", targets.names)
        self.has_own_validation = validation is not None
        self._members = self._settings_of_members()
        self._examples = self._as_examples(rows)
        self._held_out = self._hold_out(validation)
        self.network = self._network(start)
        self.history: list[dict[str, Any]] = []

    def epochs(self, stop: Event | None = None) -> Iterator[EpochRecord]:
        """Train; each record also becomes a line of `history`.

        Args:
            stop: when set, training ends after the current batch.

        Raises:
            TrainingDivergedError: no network's loss is finite any more.
        """
        rows = self._row_numbers()
        examples = self._examples
        if rows is None and len(self.division.train[0]) < len(examples):
            examples = _subset(examples, self.division.train[0])
        for record in train(
            self.network,
            examples,
            self._members,
            validation=None if self._held_out is None else self._held_out.examples,
            rows=rows,
            validation_rows=None if self._held_out is None else self._held_out.row_tensors(),
            stop=stop,
        ):
            self.history.append(history_line(record))
            yield record

    def model(self) -> TableModel:
        """The model, once the epochs are over; calibrated where rows were held out."""
        plain = TableModel(
            self.schema,
            self.encoder,
            self.targets,
            self.network,
            clips=self.settings.clip_predictions,
            details=self._details(),
        )
        return plain if self._held_out is None else self._held_out.calibrated(plain)

    def held_out_answers(
        self, model: TableModel
    ) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
        """Answers for the held-out rows and their encoded targets; see `HeldOut.answers`."""
        return None if self._held_out is None else self._held_out.answers(model)

    def _divide(self, targets: Targets, validation: TableRows | None) -> Division:
        """Divide the rows, and settle the settings that depend on what can be held out."""
        rows, settings = self.rows, self.settings
        everything = np.arange(len(rows))
        strata = np.zeros(len(rows), np.int64)
        if targets.is_classification:
            strata = targets.encode(rows.targets)
        num_in_company = int((np.bincount(strata)[strata] > 1).sum())  # others are only learned
        can_divide = num_in_company >= _FEWEST_ROWS_TO_DIVIDE
        if settings.num_folds and (validation is not None or rows.times is not None):
            fraction = settings.validation_fraction or _HELD_OUT_FRACTION
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
            replace(self.settings, seed=self.settings.seed + member * _SEED_STEP)
            for member in range(len(self.division.train))
        ]

    def _as_examples(self, rows: TableRows) -> Examples:
        inputs = torch.from_numpy(self.encoder.encode(rows.frame))
        targets = torch.from_numpy(self.targets.encode(rows.targets))
        weights = None
        if rows.weights is not None:
            weights = torch.from_numpy((rows.weights / rows.weights.mean()).astype(np.float32))
        return Examples(inputs, targets, weights)

    def _hold_out(self, validation: TableRows | None) -> HeldOut | None:
        if validation is not None:
            examples = self._as_examples(validation.that_count())
            return HeldOut(examples, None)
        if self.division.held_out is None:
            return None
        if self.division.is_shared:
            return HeldOut(_subset(self._examples, self.division.held_out[0]), None)
        return HeldOut(self._examples, self.division.held_out)

    def _row_numbers(self) -> list[torch.Tensor] | None:
        """Rows that each member learns from, where they are not the same for all."""
        if self.division.is_shared:
            return None
        return [torch.from_numpy(rows) for rows in self.division.train]

    def _network(self, start: TableModel | None) -> Network:
        spec = self.settings.network_spec(
            self.encoder.num_inputs,
            self.targets.num_outputs,
            num_numeric=self.encoder.num_numeric,
            category_sizes=self.encoder.category_sizes,
        )
        if start is not None:
            if start.network.spec != spec or start.network.num_members != len(self._members):
                raise SettingsError(
                    "a fit can only go on with networks of the same shape and number"
                )
            return Network.of(spec, start.network.parameters.clone())
        rows = [torch.from_numpy(rows) for rows in self.division.train]
        return Network.for_training(spec, self._members, self._examples.inputs, rows)

    def _details(self) -> dict[str, Any]:
        first = self.rows.frame.select(self.encoder.column_names).row(0, named=True)
        return {
            "recipe": self.recipe_name,
            "settings": asdict(self.settings),
            "num_train_rows": len(self.rows),
            "num_epochs": len(self.history),
            "best_epochs": self.history[-1].get("best_epochs") if self.history else None,
            "example": {
                name: value if isinstance(value, str | int | bool) or value is None else str(value)
                for name, value in first.items()
            },
        }


TASK_NAMES: dict[Task, TaskName] = {
    "binary": "classification",
    "multiclass": "classification",
    "multilabel": "multilabel",
    "regression": "regression",
}


def history_line(record: EpochRecord) -> dict[str, Any]:
    """A record as a line of history: means over the members whose loss is finite."""
    line: dict[str, Any] = {
        "epoch": record.epoch,
        "num_steps": record.num_steps,
        "train_loss": _mean(record.train_loss),
    }
    if record.validation is not None:
        line["validation_loss"] = _mean(record.validation.loss)
        if record.validation.accuracy is not None:
            line["validation_accuracy"] = _mean(record.validation.accuracy)
    if record.best_epoch is not None:
        line["best_epochs"] = list(record.best_epoch)
    line["seconds"] = record.seconds
    if record.is_interrupted:
        line["is_interrupted"] = True
    return line


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite))


def _subset(examples: Examples, rows: NDArray[np.int64]) -> Examples:
    numbers = torch.from_numpy(rows)
    weights = None if examples.weights is None else examples.weights[numbers]
    return Examples(examples.inputs[numbers], examples.targets[numbers], weights)
