"""Incremental training: the estimators' `partial_fit`."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.columns.schema import Schema, require_columns
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.targets import Targets
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.engine.batches import BatchSource
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_threads, processor
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.errors import DataWarning, TableError, TrainingDivergedError
from multilayer.fit.prepare import TASK_NAMES, as_examples, scaled_targets, spec_of
from multilayer.fit.rows import Rows
from multilayer.fit.statistic_parts import without_statistics
from multilayer.model.model import Model
from multilayer.recipes.recipes import recipe

if TYPE_CHECKING:
    import polars as pl


# Up to so many rows are kept, and schema and encoder are fitted again as more come.
_ROWS_TO_SETTLE = 5000
# They are fitted again when the rows have grown by this factor since the last time, with and
# without values not seen before; the first 20 times at once when there are such values.
_GROWTH_WITH_NEW_VALUES, _GROWTH = 1.2, 2.0
_REFITS_AT_ONCE = 20
_FAR = 100  # times as large as before: another unit, or an error

Chunk = tuple[Rows, Mapping[Any, float] | str | None]  # rows and class weights


class IncrementalFit:
    """Trains one network by one epoch on each chunk of rows.

    The number of chunks is not known in advance, so the learning rate is constant, nothing is held
    out and the last weights are used.

    Schema and encoder are provisional at first: up to 5,000 rows are kept, and both are fitted
    again to all of them as more come. If they change, a new network is trained on the chunks in
    their order, as if all rows had been known from the start.

    Args:
        model: changed in place.
        settings: a recipe's, with a constant schedule.
        recipe_name: see `recipe`.
        changes: settings that differ from the recipe's, by name.
        schema_options: keyword arguments of `infer_schema`.
        chunks: the chunks trained on so far; None: schema and encoder are final.
    """

    def __init__(
        self,
        model: Model,
        settings: TrainingSettings,
        recipe_name: str,
        changes: Mapping[str, Any],
        schema_options: Mapping[str, Any] | None = None,
        chunks: Sequence[Chunk] | None = None,
    ) -> None:
        self.model, self._settings = model, settings
        self._recipe_name, self._changes = recipe_name, dict(changes)
        self._schema_options, self._chunks = dict(schema_options or {}), chunks
        self._step = Step(model.leading, settings)
        self._num_chunks = self._num_rows_fitted = self._num_refits = 0
        self._has_new_values = False
        self._constants: dict[str, str] = {}  # columns that are not used, and why
        self._largest: dict[str, float] = {}  # the largest absolute value of each column of numbers
        self._warned: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """The state to resume from bit for bit, with the optimizer's moments."""
        return {**self.__dict__, "_step": self._step.state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Resume from the state of `__getstate__`."""
        self.__dict__.update(state)
        self._step = Step(self.model.leading, self._settings)
        self._step.restore(state["_step"])

    @classmethod
    def begin(
        cls,
        rows: Rows,
        targets: Targets,
        recipe_name: str,
        changes: Mapping[str, Any],
        schema_options: Mapping[str, Any] | None = None,
    ) -> "IncrementalFit":
        """Infer the schema, fit the encoder and initialize a network from the first rows.

        Raises:
            SettingsError: the recipe or a setting is unknown or out of range.
            TableError: the rows cannot be used.
        """
        schema = _schema(rows.frame, schema_options or {})
        if not schema.inputs:
            raise TableError(
                f"the first {len(rows)} rows of partial_fit have no usable input column; "
                "pass more rows in the first call"
            )
        model, settings = _first_model(rows.frame, schema, targets, recipe_name, changes)
        fit = cls(model, settings, recipe_name, changes, schema_options, ())
        fit._num_rows_fitted = len(rows)
        fit._constants = _constants(schema)
        fit._largest = _largest(rows.frame, schema)
        fit._warn(schema.warnings)
        return fit

    @classmethod
    def resume(cls, model: Model, recipe_name: str, changes: Mapping[str, Any]) -> "IncrementalFit":
        """Continue training the first network of a fitted model."""
        settings = _constant(recipe_name, model.targets, len(model.table_schema.inputs), changes)
        if model.spec.category_statistics:
            warnings.warn(
                "partial_fit goes on with the category_statistics of the rows that fit was given; "
                "given them again, it would trust these more than new rows bear out",
                DataWarning,
                stacklevel=5,
            )
        member = model.leading.member(0)
        network = Network.of(member.spec, member.parameters.clone())
        model = replace(model, network=network, conformal=None)
        fit = cls(model, settings, recipe_name, changes)
        fit._constants = _constants(model.table_schema)
        return fit

    def add(
        self, rows: Rows, class_weight: Mapping[Any, float] | str | None = None
    ) -> dict[str, Any]:
        """Train one epoch on these rows.

        What raises an error half-way is of no more use: train a copy, see `copied`.

        Returns:
            A line of history.

        Raises:
            TableError: the rows do not match those of the first call.
            TrainingDivergedError: the loss is not finite.
        """
        targets = self.model.targets
        targets.encode(rows.targets)  # raises before anything changes
        if targets.is_classification:
            self._warn(targets.matched(rows.targets).notes)
        chunks = self._chunks
        new_values = self._new_values(rows)
        if chunks is None:
            self._warn(
                f"{text}; the encoder was fitted to the rows of earlier calls"
                for text in new_values
            )
        else:
            chunks = (*chunks, (rows, class_weight))
            num_rows = sum(len(each) for each, _ in chunks)
            self._has_new_values = self._has_new_values or bool(new_values)
            growth = _GROWTH
            if self._has_new_values:
                growth = 1.0 if self._num_refits < _REFITS_AT_ONCE else _GROWTH_WITH_NEW_VALUES
            is_last = num_rows >= _ROWS_TO_SETTLE
            if num_rows >= growth * self._num_rows_fitted or (is_last and self._has_new_values):
                self._refit_encoder(chunks)
            if is_last:
                chunks = None
        line = self._train(rows, class_weight)
        self._chunks = chunks
        return line

    def copied(self) -> "IncrementalFit":
        """A copy to train on: whatever becomes of that, this one stays as it is."""
        network = self.model.leading
        copy = object.__new__(IncrementalFit)
        copy.__dict__.update(self.__dict__)
        copy._warned = set(self._warned)
        copy.model = replace(
            self.model, network=Network.of(network.spec, network.parameters.clone())
        )
        copy._step = Step(copy.model.leading, self._settings)
        copy._step.restore(self._step.state())
        return copy

    def _new_values(self, rows: Rows) -> list[str]:
        """Warnings about values unlike those that the encoder was fitted to."""
        unseen = UnseenValues()
        frame, model = rows.frame, self.model
        require_columns(model.encoder.column_names, frame.columns, "the table")
        unseen.num_rows = len(frame)
        for category in model.table_encoder.categories:
            unseen.note(frame[category.name], category.codes(frame[category.name]))
        varied = [
            f"column {name!r}, which was constant, varies and is not used"
            for name, value in self._constants.items()
            if name in frame.columns
            and (frame[name].n_unique() > 1 or f"always {frame[name][0]}" != value)
        ]
        return [*unseen.sentences(), *varied, *self._far_numbers(frame)]

    def _far_numbers(self, frame: "pl.DataFrame") -> list[str]:
        """Warnings about numbers far outside the range that the encoder was fitted to."""
        import polars as pl

        if self._chunks is not None or not self._largest:
            return []
        names = [name for name in self._largest if name in frame.columns]
        names = [name for name in names if frame[name].dtype.is_numeric()]
        largest = frame.select(_size(pl.col(name)).alias(name) for name in names).row(0)
        return [
            f"column {name!r} holds numbers up to {size:g}, more than {_FAR} times those of the "
            f"rows that its scale was fitted to"
            for name, size in zip(names, largest, strict=True)
            if size is not None and size > _FAR * self._largest[name]
        ]

    def _refit_encoder(self, chunks: Sequence[Chunk]) -> None:
        """Fit schema and encoder to all rows; if they change, train on the earlier chunks again."""
        import polars as pl

        try:
            frame = pl.concat([rows.frame for rows, _ in chunks], how="diagonal_relaxed")
        except pl.exceptions.PolarsError:
            return  # a column changed its type: the encoder accepts it or raises
        targets = self.model.targets
        if targets.task == "regression":
            values = np.concatenate([rows.targets for rows, _ in chunks])
            targets = scaled_targets(values, targets, self._settings)
        schema = _schema(frame, self._schema_options)
        model, settings = _first_model(frame, schema, targets, self._recipe_name, self._changes)
        self._num_rows_fitted, self._has_new_values = len(frame), False
        self._num_refits += 1
        self._constants, self._largest = _constants(schema), _largest(frame, schema)
        self._warn(schema.warnings)
        is_same = (
            model.encoder.to_json() == self.model.encoder.to_json()
            and targets.to_json() == self.model.targets.to_json()
        )
        if is_same:
            return
        self.model = replace(model, on_unseen=self.model.on_unseen)
        self._settings, self._num_chunks = settings, 0
        self._step = Step(model.leading, settings)
        for rows, class_weight in chunks[:-1]:
            self._train(rows, class_weight)

    def _train(self, rows: Rows, class_weight: Mapping[Any, float] | str | None) -> dict[str, Any]:
        """One epoch on these rows; returns a line of history."""
        rows = rows.weighted_by_class(class_weight, self.model.targets)
        examples = as_examples(rows, self.model.encoder, self.model.targets)
        self._num_chunks += 1
        source = generator(self._settings.seed, f"shuffle {self._num_chunks}")
        batches = BatchSource(examples, self._settings.batch_size, [source])
        losses, sizes = [], []
        network, settings = self.model.leading, self._settings
        num_threads = choose_num_threads(settings, network.spec, 1)
        with processor(num_threads, settings.precision), torch.inference_mode():
            for batch in batches.epoch():
                losses.append(float(self._step(batch.inputs, batch.targets, batch.weights)))
                sizes.append(batch.inputs.shape[1])
        if not (np.isfinite(losses).all() and bool(network.parameters.isfinite().all())):
            step = 1 + int(np.argmin([*np.isfinite(losses[:-1]), False]))
            raise TrainingDivergedError("training", self._num_chunks, step, settings.learning_rate)
        return {
            "epoch": self._num_chunks,
            "num_steps": len(losses),
            "train_loss": float(np.average(losses, weights=sizes)),
        }

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self._warned:
                self._warned.add(text)
                warnings.warn(text, DataWarning, stacklevel=6)


def _schema(frame: "pl.DataFrame", options: Mapping[str, Any]) -> Schema:
    """Infer the schema; if all columns are constant, as in a single row, keep the numeric ones."""
    schema = infer_schema(frame, **options)
    if schema.inputs:
        return schema
    columns = tuple(
        replace(column, kind="numeric")
        if column.kind == "constant" and frame[column.name].dtype.is_numeric()
        else column
        for column in schema.columns
    )
    return replace(schema, columns=columns)


def _constants(schema: Schema) -> dict[str, str]:
    return {c.name: c.reason for c in schema.columns if c.kind == "constant"}


def _largest(frame: "pl.DataFrame", schema: Schema) -> dict[str, float]:
    """The largest absolute value of each numeric column, where it is above 0."""
    import polars as pl

    names = [c.name for c in schema.inputs if frame[c.name].dtype.is_numeric()]
    sizes = frame.select(_size(pl.col(name)).alias(name) for name in names)
    return {
        name: size for name, size in (sizes.row(0, named=True) if names else {}).items() if size
    }


def _size(column: "pl.Expr") -> "pl.Expr":
    number = column.cast(float)
    return number.filter(number.is_finite()).abs().max()


def _first_model(
    frame: "pl.DataFrame",
    schema: Schema,
    targets: Targets,
    recipe_name: str,
    changes: Mapping[str, Any],
) -> tuple[Model, TrainingSettings]:
    """A model with an untrained network, and the settings it is trained with."""
    settings = _constant(recipe_name, targets, len(schema.inputs), changes)
    encoder = Encoder.fit(frame, schema, EncodingPlan(settings.one_hot_limit or None))
    inputs = torch.from_numpy(encoder.encode(frame))
    network = Network.for_training(spec_of(settings, encoder, targets), [settings], inputs)
    return Model(schema, encoder, targets, network), settings


def _constant(
    recipe_name: str, targets: Targets, num_columns: int, changes: Mapping[str, Any]
) -> TrainingSettings:
    """The recipe's settings without schedules, folds, selection and validation rows."""
    if recipe_name != "chapter":  # an epoch may be one step, and its predictions should be usable
        changes = {"zero_last_layer": True, **changes}
    settings = recipe(recipe_name, TASK_NAMES[targets.task], num_columns=num_columns, **changes)
    settings = without_statistics(
        settings, "partial_fit is given some at a time", is_asked="category_statistics" in changes
    )
    return replace(
        settings, schedule="constant", regularization_schedule="constant", selection="last",
        patience=0, num_folds=0, num_members=1, validation_fraction=0.0, average_decay=0.0,
        refit=False,
    )  # fmt: skip
