"""Learning from rows that come bit by bit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from multilayer.data.encoder import Encoder, EncodingPlan
from multilayer.data.schema import Schema
from multilayer.data.targets import Targets
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.estimators.fitting import TASK_NAMES
from multilayer.estimators.recipes import recipe
from multilayer.estimators.table_rows import TableRows
from multilayer.model_file.table_model import TableModel


class Increments:
    """Takes one network further, an epoch for each bit of data.

    As nobody knows how many there will be, the learning rate is constant, nothing is held out and
    the last weights count.

    Args:
        model: changed in place.
        settings: a recipe's, with a constant schedule.
    """

    def __init__(self, model: TableModel, settings: TrainingSettings) -> None:
        self.model, self._settings = model, settings
        self._step = Step(model.network, settings)
        self._num_bits = 0

    def __getstate__(self) -> dict[str, Any]:
        """All that is needed to go on in the same bits: the optimiser's moments too."""
        return {
            "model": self.model,
            "settings": self._settings,
            "num_bits": self._num_bits,
            "step": self._step.state(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on from what `__getstate__` gave."""
        self.model, self._settings = state["model"], state["settings"]
        self._num_bits = state["num_bits"]
        self._step = Step(self.model.network, self._settings)
        self._step.restore(state["step"])

    @classmethod
    def begin(
        cls,
        rows: TableRows,
        schema: Schema,
        targets: Targets,
        recipe_name: str,
        changes: Mapping[str, Any],
    ) -> "Increments":
        """Settle columns, encoder and first weights by the first rows.

        Raises:
            SettingsError: the recipe or a setting is unknown or out of range.
            TableError: the rows cannot be used.
        """
        settings = _constant(recipe_name, targets, len(schema.inputs), changes)
        encoder = Encoder.fit(rows.frame, schema, EncodingPlan(settings.one_hot_limit or None))
        spec = settings.network_spec(
            encoder.num_inputs,
            targets.num_outputs,
            num_numeric=encoder.num_numeric,
            category_sizes=encoder.category_sizes,
            one_hot_blocks=encoder.one_hot_blocks,
        )
        inputs = torch.from_numpy(encoder.encode(rows.frame))
        network = Network.for_training(spec, [settings], inputs)
        return cls(TableModel(schema, encoder, targets, network), settings)

    @classmethod
    def resume(
        cls, model: TableModel, recipe_name: str, changes: Mapping[str, Any]
    ) -> "Increments":
        """Go on with the first network of a model that was fitted before."""
        settings = _constant(recipe_name, model.targets, len(model.schema.inputs), changes)
        member = model.network.member(0)
        network = Network.of(member.spec, member.parameters.clone())
        return cls(replace(model, network=network, conformal=None), settings)

    def add(
        self, rows: TableRows, class_weight: Mapping[Any, float] | str | None = None
    ) -> dict[str, Any]:
        """Learn from each row once.

        Returns:
            A line of history.

        Raises:
            TableError: the rows do not fit those of the first call.
        """
        rows = rows.weighted_by_class(class_weight, self.model.targets)
        weights = None
        if rows.weights is not None:
            weights = torch.from_numpy((rows.weights / rows.weights.mean()).astype(np.float32))
        examples = Examples(
            torch.from_numpy(self.model.encoder.encode(rows.frame)),
            torch.from_numpy(self.model.targets.encode(rows.targets)),
            weights,
        )
        self._num_bits += 1
        source = generator(self._settings.seed, f"shuffle {self._num_bits}")
        batches = BatchSource(examples, self._settings.batch_size, [source])
        losses, sizes = [], []
        with torch.inference_mode():
            for batch in batches.epoch():
                losses.append(float(self._step(batch.inputs, batch.targets, batch.weights)))
                sizes.append(batch.inputs.shape[1])
        self.model = replace(self.model)  # a fresh one, which has not prepared its answers yet
        return {
            "epoch": self._num_bits,
            "num_steps": len(losses),
            "train_loss": float(np.average(losses, weights=sizes)),
        }


def _constant(
    recipe_name: str, targets: Targets, num_columns: int, changes: Mapping[str, Any]
) -> TrainingSettings:
    """The recipe's settings, without all that needs to know how much there is to come."""
    settings = recipe(recipe_name, TASK_NAMES[targets.task], num_columns=num_columns, **changes)
    return replace(
        settings, schedule="constant", regularization_schedule="constant", selection="last",
        patience=0, num_folds=0, num_members=1, validation_fraction=0.0, average_decay=0.0,
    )  # fmt: skip
