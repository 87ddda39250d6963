"""Networks fitted to a table that need not fit in memory, from its encoded rows on the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.encoding.encoded_map import EncodedMap, EncodedRows
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.fit.fitting import (
    FEWEST_ROWS_TO_DIVIDE,
    SEED_STEP,
    TASK_NAMES,
    require_different_numbers,
)
from multilayer.fit.population_fit import PopulationFit
from multilayer.model.held_out import HeldOut
from multilayer.recipes.recipes import HELD_OUT_FRACTION, recipe


class LargeTableFit(PopulationFit):
    """Fits a population of networks to rows on the disk, a chunk of them in memory at a time.

    All networks learn from the same rows, each in an order of its own.

    Args:
        encoded: the rows.
        schema: which columns are inputs, and of which kind.
        encoder: that made the inputs.
        targets: that made what is learned.
        recipe_name: see `recipe`.
        settings: as `large_settings` gives them.
        chunk_bytes: memory for a chunk.
        sample: inputs of rows to learn from, to fit first weights to, (num_rows, num_inputs).
        example: a row of the table, the needed columns by name.
        validation: rows to be measured on; None: those that `encoded` holds out, if any.
    """

    def __init__(
        self,
        encoded: EncodedMap,
        schema: Schema,
        encoder: Encoder,
        targets: Targets,
        *,
        recipe_name: str,
        settings: TrainingSettings,
        chunk_bytes: int,
        sample: NDArray[np.float32],
        example: Mapping[str, Any],
        validation: Examples | None = None,
    ) -> None:
        self.recipe_name, self.schema, self.settings = recipe_name, schema, settings
        self.encoder, self.targets = encoder, _widened(targets, encoded)
        if targets.task == "regression":
            require_different_numbers(self.targets)
        self.has_own_validation = validation is not None
        self.history: list[dict[str, Any]] = []
        self._num_held_out = encoded.held_out.num_rows
        self._members = settings_of_members(settings)
        self._examples = ChunkedExamples(encoded.learned, chunk_bytes)
        self._example = dict(example)
        if validation is None and self._num_held_out:
            validation = as_examples(encoded.held_out)
        self._held_out = None if validation is None else HeldOut(validation, None)
        spec = spec_of(settings, encoder, targets)
        self.network = Network.for_training(spec, self._members, torch.from_numpy(sample))

    @property
    def num_rows(self) -> int:
        """Rows that are learned from or held out."""
        return len(self._examples) + self._num_held_out

    @property
    def num_held_out(self) -> int | None:
        """Rows held out of the table's own; None: none are."""
        return self._num_held_out or None

    def held_out_numbers(self) -> NDArray[np.int64]:
        """None: they are not kept."""
        return np.empty(0, np.int64)

    def _learned(self) -> ChunkedExamples:
        return self._examples

    def _row_numbers(self) -> None:
        return None

    def _example_row(self) -> dict[str, Any]:
        return self._example


def large_settings(
    recipe_name: str,
    task: Task,
    num_rows: int,
    num_columns: int,
    changes: Mapping[str, Any],
    *,
    has_own_validation: bool,
) -> TrainingSettings:
    """A recipe's settings for rows that are not all in memory.

    Folds, for which each network needs rows of its own, become as many networks that all learn
    from the same rows.

    Args:
        recipe_name: see `recipe`.
        task: what is predicted.
        num_rows: of the table.
        num_columns: of its inputs.
        changes: settings that shall differ from the recipe's, by name.
        has_own_validation: whether rows to be measured on are given.

    Raises:
        SettingsError: the recipe or a setting is unknown or out of range.
    """
    settings = recipe(
        recipe_name, TASK_NAMES[task], num_rows=num_rows, num_columns=num_columns, **changes
    )
    fraction = settings.validation_fraction
    if settings.num_folds:
        fraction = fraction or HELD_OUT_FRACTION
        settings = replace(settings, num_members=settings.num_folds, num_folds=0)
    if has_own_validation or num_rows < FEWEST_ROWS_TO_DIVIDE:
        fraction = 0.0
    settings = replace(settings, validation_fraction=fraction)
    if not fraction and not has_own_validation:
        settings = replace(settings, selection="last", patience=0)
    return settings


def settings_of_members(settings: TrainingSettings) -> list[TrainingSettings]:
    """The settings of each network, with a seed of its own."""
    return [
        replace(settings, seed=settings.seed + member * SEED_STEP)
        for member in range(settings.num_members)
    ]


def spec_of(settings: TrainingSettings, encoder: Encoder, targets: Targets) -> NetworkSpec:
    """The networks' shape."""
    return settings.network_spec(
        encoder.num_inputs,
        targets.num_outputs,
        num_numeric=encoder.num_numeric,
        category_sizes=encoder.category_sizes,
        one_hot_blocks=encoder.one_hot_blocks,
    )


def as_examples(rows: EncodedRows) -> Examples:
    """All of some rows, in memory."""
    inputs, targets, weights = rows.read()
    return Examples(
        torch.from_numpy(inputs),
        torch.from_numpy(targets),
        None if weights is None else torch.from_numpy(weights),
    )


def _widened(targets: Targets, encoded: EncodedMap) -> Targets:
    """Numbers with the range of all rows to learn from, not of the sample alone."""
    if targets.task != "regression":
        return targets
    scale = targets.scale
    low, high = np.asarray(scale.lowest), np.asarray(scale.highest)
    bounds = scale.encode(np.stack([low, high]))
    low_seen, high_seen = _range(encoded.learned)
    lows = np.where(low_seen < bounds[0], scale.restore(low_seen), low)
    highs = np.where(high_seen > bounds[1], scale.restore(high_seen), high)
    widened = replace(scale, lowest=tuple(lows.tolist()), highest=tuple(highs.tolist()))
    return replace(targets, scale=widened)


def _range(rows: EncodedRows, rows_at_once: int = 100_000) -> Sequence[NDArray[np.float32]]:
    file = rows.targets
    memory = file.empty(min(rows_at_once, rows.num_rows))
    lows, highs = [], []
    for start in range(0, rows.num_rows, rows_at_once):
        numbers = range(start, min(start + rows_at_once, rows.num_rows))
        values = memory[: len(numbers)]
        file.read([numbers], values)
        lows.append(values.min(axis=0))
        highs.append(values.max(axis=0))
    return np.min(lows, axis=0), np.max(highs, axis=0)
