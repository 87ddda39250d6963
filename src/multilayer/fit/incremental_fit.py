"""Learning from rows that come bit by bit."""

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
from multilayer.fit.prepare import TASK_NAMES, as_examples, spec_of
from multilayer.fit.rows import Rows
from multilayer.model.model import Model
from multilayer.recipes.recipes import recipe

if TYPE_CHECKING:
    import polars as pl


# By so many rows columns, scales and categories are settled; until then all rows are kept.
_ROWS_TO_SETTLE = 5000
# They are judged anew when so many times the rows have come, with something new among them or not;
# something new is looked at at once the first times.
_GROWTH_WITH_NEWS, _GROWTH = 1.2, 2.0
_TIMES_AT_ONCE = 20
_FAR = 100  # times as large as before: another unit, or an error

Bit = tuple[Rows, Mapping[Any, float] | str | None]  # rows and class weights


class Increments:
    """Takes one network further, an epoch for each bit of data.

    As nobody knows how many there will be, the learning rate is constant, nothing is held out and
    the last weights count.

    What the first rows do not show is not final: up to 5,000 rows are kept, and columns, scales and
    categories are judged anew by all of them as more come. If they are others than before, a new
    network learns from the bits in the order in which they came, as if all had been known at first.

    Args:
        model: changed in place.
        settings: a recipe's, with a constant schedule.
        recipe_name: see `recipe`.
        changes: settings that differ from the recipe's, by name.
        told: what `infer_schema` is told of the columns, by its arguments.
        bits: what was learned from so far; None: columns, scales and categories are settled.
    """

    def __init__(
        self,
        model: Model,
        settings: TrainingSettings,
        recipe_name: str,
        changes: Mapping[str, Any],
        told: Mapping[str, Any] | None = None,
        bits: Sequence[Bit] | None = None,
    ) -> None:
        self.model, self._settings = model, settings
        self._recipe_name, self._changes = recipe_name, dict(changes)
        self._told, self._bits = dict(told or {}), bits
        self._step = Step(model.network, settings)
        self._num_bits = self._num_judged = self._times_judged = 0
        self._has_news = False
        self._constants: dict[str, str] = {}  # columns that are not used, and why
        self._largest: dict[str, float] = {}  # the largest absolute value of each column of numbers
        self._warned: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """All that is needed to go on in the same bits: the optimiser's moments too."""
        return {**self.__dict__, "_step": self._step.state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on from what `__getstate__` gave."""
        self.__dict__.update(state)
        self._step = Step(self.model.network, self._settings)
        self._step.restore(state["_step"])

    @classmethod
    def begin(
        cls,
        rows: Rows,
        targets: Targets,
        recipe_name: str,
        changes: Mapping[str, Any],
        told: Mapping[str, Any] | None = None,
    ) -> "Increments":
        """Judge columns and draw first weights by the first rows.

        Raises:
            SettingsError: the recipe or a setting is unknown or out of range.
            TableError: the rows cannot be used.
        """
        schema = _schema(rows.frame, told or {})
        if not schema.inputs:
            raise TableError(
                "no column is left that a network can learn from in the first "
                f"{len(rows)} rows of partial_fit; give it more rows at first"
            )
        model, settings = _first_model(rows.frame, schema, targets, recipe_name, changes)
        increments = cls(model, settings, recipe_name, changes, told, ())
        increments._num_judged = len(rows)
        increments._constants = _constants(schema)
        increments._largest = _largest(rows.frame, schema)
        increments._warn(schema.warnings)
        return increments

    @classmethod
    def resume(cls, model: Model, recipe_name: str, changes: Mapping[str, Any]) -> "Increments":
        """Go on with the first network of a model that was fitted before."""
        settings = _constant(recipe_name, model.targets, len(model.table_schema.inputs), changes)
        member = model.network.member(0)
        network = Network.of(member.spec, member.parameters.clone())
        model = replace(model, network=network, conformal=None)
        increments = cls(model, settings, recipe_name, changes)
        constants = [column for column in model.table_schema.columns if column.kind == "constant"]
        increments._constants = {column.name: column.reason for column in constants}
        return increments

    def add(
        self, rows: Rows, class_weight: Mapping[Any, float] | str | None = None
    ) -> dict[str, Any]:
        """Learn from each row once.

        Returns:
            A line of history.

        Raises:
            TableError: the rows do not fit those of the first call.
            TrainingDivergedError: the loss is not finite; the rows have not been learned.
        """
        targets = self.model.targets
        targets.encode(rows.targets)  # refused before anything changes
        if targets.is_classification:
            self._warn(targets.matched(rows.targets).notes)
        bits = self._bits
        news = self._news(rows)
        if bits is None:
            self._warn(f"{text}; columns were settled by the rows before" for text in news)
        else:
            bits = (*bits, (rows, class_weight))
            num_rows = sum(len(each) for each, _ in bits)
            self._has_news = self._has_news or bool(news)
            growth = _GROWTH
            if self._has_news:
                growth = 1.0 if self._times_judged < _TIMES_AT_ONCE else _GROWTH_WITH_NEWS
            is_last = num_rows >= _ROWS_TO_SETTLE
            if num_rows >= growth * self._num_judged or (is_last and self._has_news):
                self._judge(bits)
            if is_last:
                bits = None
        line = self._learn(rows, class_weight)
        self._bits = bits
        return line

    def answering(self) -> Model:
        """The model as it is now, which answers the same while this goes on."""
        network = self.model.network
        return replace(self.model, network=Network.of(network.spec, network.parameters.clone()))

    def _news(self, rows: Rows) -> list[str]:
        """What these rows show that the rows judged did not, in sentences."""
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
        """Columns whose numbers lie far outside those that settled the scales, in sentences."""
        import polars as pl

        if self._bits is not None or not self._largest:
            return []
        names = [name for name in self._largest if name in frame.columns]
        names = [name for name in names if frame[name].dtype.is_numeric()]
        largest = frame.select(_size(pl.col(name)).alias(name) for name in names).row(0)
        return [
            f"column {name!r} holds numbers of up to {size:g}, more than {_FAR} times as large as "
            f"in the rows before, which it is scaled by"
            for name, size in zip(names, largest, strict=True)
            if size is not None and size > _FAR * self._largest[name]
        ]

    def _judge(self, bits: Sequence[Bit]) -> None:
        """Judge columns, scales and categories by all rows, and learn the earlier bits again."""
        import polars as pl

        try:
            frame = pl.concat([rows.frame for rows, _ in bits], how="diagonal_relaxed")
        except pl.exceptions.PolarsError:
            return  # a column of other types than before: encoding knows it, or says what is wrong
        targets = self.model.targets
        if targets.task == "regression":
            targets = Targets.fit(
                np.concatenate([rows.targets for rows, _ in bits]),
                "regression",
                targets.names,
                loss=self._settings.loss,
                quantiles=self._settings.quantiles,
            )
        schema = _schema(frame, self._told)
        model, settings = _first_model(frame, schema, targets, self._recipe_name, self._changes)
        self._num_judged, self._has_news = len(frame), False
        self._times_judged += 1
        self._constants, self._largest = _constants(schema), _largest(frame, schema)
        self._warn(schema.warnings)
        is_same = (
            model.encoder.to_json() == self.model.encoder.to_json()
            and targets.to_json() == self.model.targets.to_json()
        )
        if is_same:
            return
        self.model = replace(model, on_unseen=self.model.on_unseen)
        self._settings, self._num_bits = settings, 0
        self._step = Step(model.network, settings)
        for rows, class_weight in bits[:-1]:
            self._learn(rows, class_weight)

    def _learn(self, rows: Rows, class_weight: Mapping[Any, float] | str | None) -> dict[str, Any]:
        """An epoch on these rows; a line of history."""
        rows = rows.weighted_by_class(class_weight, self.model.targets)
        examples = as_examples(rows, self.model.encoder, self.model.targets)
        self._num_bits += 1
        source = generator(self._settings.seed, f"shuffle {self._num_bits}")
        batches = BatchSource(examples, self._settings.batch_size, [source])
        losses, sizes = [], []
        network, settings = self.model.network, self._settings
        before = network.parameters.clone()
        num_threads = choose_num_threads(settings, network.spec, 1)
        with processor(num_threads, settings.precision), torch.inference_mode():
            for batch in batches.epoch():
                losses.append(float(self._step(batch.inputs, batch.targets, batch.weights)))
                sizes.append(batch.inputs.shape[1])
        if not (np.isfinite(losses).all() and bool(network.parameters.isfinite().all())):
            network.parameters.copy_(before)  # as if these rows had not come
            self._step, self._num_bits = Step(network, settings), self._num_bits - 1
            step = 1 + int(np.argmin([*np.isfinite(losses[:-1]), False]))
            raise TrainingDivergedError(
                "training", self._num_bits + 1, step, settings.learning_rate
            )
        return {
            "epoch": self._num_bits,
            "num_steps": len(losses),
            "train_loss": float(np.average(losses, weights=sizes)),
        }

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self._warned:
                self._warned.add(text)
                warnings.warn(text, DataWarning, stacklevel=6)


def _schema(frame: "pl.DataFrame", told: Mapping[str, Any]) -> Schema:
    """Which columns are inputs; constant numbers are too where nothing else is, as in one row."""
    schema = infer_schema(frame, **told)
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
    """For each column of numbers its largest absolute value, where that is above 0."""
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
    """A network with first weights, and the settings it is trained with."""
    settings = _constant(recipe_name, targets, len(schema.inputs), changes)
    encoder = Encoder.fit(frame, schema, EncodingPlan(settings.one_hot_limit or None))
    inputs = torch.from_numpy(encoder.encode(frame))
    network = Network.for_training(spec_of(settings, encoder, targets), [settings], inputs)
    return Model(schema, encoder, targets, network), settings


def _constant(
    recipe_name: str, targets: Targets, num_columns: int, changes: Mapping[str, Any]
) -> TrainingSettings:
    """The recipe's settings, without all that needs to know how much there is to come."""
    if recipe_name != "chapter":  # an epoch may be a step, and the first of them shall be good
        changes = {"zero_last_layer": True, **changes}
    settings = recipe(recipe_name, TASK_NAMES[targets.task], num_columns=num_columns, **changes)
    return replace(
        settings, schedule="constant", regularization_schedule="constant", selection="last",
        patience=0, num_folds=0, num_members=1, validation_fraction=0.0, average_decay=0.0,
    )  # fmt: skip
