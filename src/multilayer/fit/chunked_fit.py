"""Prepare encoded rows on disk for a fit that reads a chunk of them at a time."""

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
from multilayer.engine.settings import TrainingSettings, settings_of_members
from multilayer.errors import SettingsError
from multilayer.fit.memory_plan import Population
from multilayer.fit.prepare import (
    TASK_NAMES,
    PreparedData,
    require_different_numbers,
    spec_of,
)
from multilayer.fit.split import FEWEST_ROWS_TO_DIVIDE, without_held_out
from multilayer.fit.statistic_parts import without_statistics
from multilayer.model.held_out import HeldOut
from multilayer.recipes.draws import DRAWS_OF_A_WAVE, drawn_settings
from multilayer.recipes.recipes import HELD_OUT_FRACTION, recipe

_MOST_DRAWS = 32  # of a pack within a time, where nobody says how many


def prepare_chunks(
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
) -> PreparedData:
    """Prepare rows on disk; all networks train on the same rows, each in its own order.

    Args:
        encoded: the rows.
        schema: which columns are inputs, and of which kind.
        encoder: encoded the features.
        targets: encoded the targets.
        recipe_name: see `recipe`.
        settings: from `large_settings`.
        chunk_bytes: memory for a chunk.
        sample: inputs of training rows to initialize weights with, (num_rows, num_inputs).
        example: one row of the table: the input columns by name.
        validation: validation rows; None: those that `encoded` holds out, if any.

    Raises:
        TableError: the target is constant.
    """
    targets = _widened(targets, encoded)
    if targets.task == "regression":
        require_different_numbers(targets)
    num_held_out = encoded.held_out.num_rows
    measured = validation
    if measured is None and num_held_out:
        inputs, truths, weights = (
            None if part is None else torch.from_numpy(part) for part in encoded.held_out.read()
        )
        assert inputs is not None and truths is not None
        measured = Examples(inputs, truths, weights)
    return PreparedData(
        recipe_name,
        settings,
        schema,
        encoder,
        targets,
        ChunkedExamples(encoded.learned, chunk_bytes),
        None if measured is None else HeldOut(measured, None),
        num_held_out or None,
        has_own_validation=validation is not None,
        sample=sample,
        example=dict(example),
    )


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

    Folds, whose networks have different training rows, become as many networks trained on the
    same rows; of a pack, one network for each draw.

    Args:
        recipe_name: see `recipe`.
        task: what is predicted.
        num_rows: rows of the table.
        num_columns: its input columns.
        changes: settings that differ from the recipe's, by name.
        has_own_validation: whether there is a validation set.

    Raises:
        SettingsError: the recipe or a setting is unknown or out of range.
    """
    settings = recipe(
        recipe_name, TASK_NAMES[task], num_rows=num_rows, num_columns=num_columns, **changes
    )
    if "num_draws" not in changes:  # memory is planned for all of them
        settings = replace(settings, num_draws=min(settings.num_draws, _MOST_DRAWS))
    settings = without_statistics(
        settings, "a limit on memory (--memory-limit) keeps rows on the disk",
        is_asked="category_statistics" in changes,
    )  # fmt: skip
    if settings.refit and "refit" in changes:
        raise SettingsError(
            "refit needs all training rows at once, but a limit on memory "
            "(--memory-limit) keeps rows on the disk"
        )
    settings = replace(settings, refit=False)
    fraction = settings.validation_fraction
    if settings.num_folds:
        fraction = fraction or HELD_OUT_FRACTION
        num_members = 1 if settings.num_draws else settings.num_folds
        settings = replace(settings, num_members=num_members, num_folds=0)
    if has_own_validation or num_rows < FEWEST_ROWS_TO_DIVIDE:
        fraction = 0.0
    settings = replace(settings, validation_fraction=fraction)
    return settings if fraction or has_own_validation else without_held_out(settings)


def populations_of(
    settings: TrainingSettings, encoder: Encoder, targets: Targets
) -> list[Population]:
    """The populations that are trained one after the other: one, or the waves of a pack."""
    first = spec_of(settings, encoder, targets), settings_of_members(settings, settings.num_members)
    num_waves = -(-(settings.num_draws - 1) // DRAWS_OF_A_WAVE) if settings.num_draws else 0
    drawn = [drawn_settings(settings, w + 1, 0, is_of_images=False) for w in range(num_waves)]
    return [first, *((spec_of(one, encoder, targets), [one] * DRAWS_OF_A_WAVE) for one in drawn)]


def _widened(targets: Targets, encoded: EncodedMap) -> Targets:
    """Regression targets with the range of all training rows, not of the sample alone."""
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
