"""Prepare rows for a fit: targets, settings, split, encoder, encoded examples, network shape."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.columns.target_checks import require_numbers_for_loss
from multilayer.columns.target_values import Task
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.settings import (
    IMAGE_SEED_STEP,
    SEED_STEP,
    TrainingSettings,
    setting_types,
    settings_of_members,
)
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.fit.rows import Rows
from multilayer.fit.split import (
    FEWEST_ROWS_TO_SELECT,
    Split,
    most_repeated,
    split_for,
    with_possible_refit,
)
from multilayer.fit.statistic_parts import (
    encoded_with_versions,
    num_statistics,
    with_possible_statistics,
)
from multilayer.model.held_out import HeldOut
from multilayer.model.model import Model
from multilayer.recipes.recipes import LOSSES_OF_TASKS, TaskName, recipe

TASK_NAMES: dict[Task, TaskName] = {
    "binary": "classification",
    "multiclass": "classification",
    "multilabel": "multilabel",
    "regression": "regression",
}


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Everything that a fit needs, for rows in memory and on disk.

    Attributes:
        recipe_name: see `recipe`.
        settings: the resolved settings.
        schema: which columns of a table are inputs; None for images.
        encoder: encodes rows as inputs.
        targets: what the outputs stand for.
        examples: the encoded rows, training and held-out ones.
        held_out: the validation rows; None without any.
        num_held_out: rows that one member holds out of the training data; None without any.
        has_own_validation: whether the validation rows come from a data set of their own.
        calibrates: whether the validation rows may calibrate the predictions; test rows may not.
        rows: the rows before encoding; None if they are on disk.
        split: the training and held-out rows of each member; None: all members train on all of
            `examples`.
        sample: for rows on disk, inputs to initialize weights with, (num_rows, row_width).
        example: one row of a table: the input columns by name.
        start: the model whose weights training starts from; None: new weights.
    """

    recipe_name: str
    settings: TrainingSettings
    schema: Schema | None
    encoder: Encoder | ImageEncoder
    targets: Targets
    examples: Examples | ChunkedExamples
    held_out: HeldOut | None
    num_held_out: int | None
    has_own_validation: bool = False
    calibrates: bool = True
    rows: Rows | None = None
    split: Split | None = None
    sample: NDArray[np.float32] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    start: Model | None = None

    @cached_property
    def spec(self) -> NetworkSpec:
        """The networks' shape."""
        return spec_of(self.settings, self.encoder, self.targets)

    @cached_property
    def members(self) -> list[TrainingSettings]:
        """The settings of each network, with a seed of its own."""
        step = SEED_STEP if self.encoder.image_shape is None else IMAGE_SEED_STEP
        return settings_of_members(self.settings, self.num_networks, step)

    @property
    def num_networks(self) -> int:
        """Networks of the population; of a pack, those of each draw."""
        return self.settings.num_members if self.split is None else len(self.split.train)

    @property
    def num_rows(self) -> int:
        """Training rows and held-out rows together."""
        return len(self.examples) + (self.num_held_out or 0 if self.split is None else 0)

    def learned(self) -> Examples | ChunkedExamples:
        """The rows to pass to `train`."""
        if self.split is None or not isinstance(self.examples, Examples):
            return self.examples
        shared = self.split.train[0]
        if self.split.is_shared and len(shared) < len(self.examples):
            return self.examples.at(torch.from_numpy(shared))
        return self.examples

    def row_numbers(self) -> list[torch.Tensor] | None:
        """The training rows of each member; None if all members share them."""
        if self.split is None or self.split.is_shared:
            return None
        return [torch.from_numpy(rows) for rows in self.split.train]

    def examples_of_member(self, member: int) -> tuple[Examples, Examples | None]:
        """The training rows and the validation rows of a member; None without validation rows."""
        assert self.split is not None and isinstance(self.examples, Examples)
        learned = self.examples.at(torch.from_numpy(self.split.train[member]))
        held_out = self.held_out
        if held_out is None or held_out.rows is None:
            return learned, None if held_out is None else held_out.examples
        return learned, held_out.examples.at(torch.from_numpy(held_out.rows[member]))


def prepare(
    rows: Rows,
    schema: Schema | None = None,
    *,
    task: Task | None = None,
    target_names: Sequence[str] | None = None,
    recipe_name: str = "default",
    changes: Mapping[str, Any] | None = None,
    settings: TrainingSettings | None = None,
    validation: Rows | None = None,
    calibrates: bool = True,
    class_weight: Mapping[Any, float] | str | None = None,
    start: Model | None = None,
) -> PreparedData:
    """Prepare rows in memory for a fit.

    Rows of weight 0 are dropped. If a table fits one batch, the result does not depend on the order
    of its rows, and a row of integer weight w counts as w rows, unless 20 or more rows are held out
    or one row is far heavier than the others. Duplicate rows may be on both sides of a split. If
    one network holds out fewer than 20 rows of a table, its last epoch is used unless `changes` ask
    for a selection: so few rows can calibrate, but would select an epoch by chance.

    The encoder of a table is fitted to the training rows. With cross-validation folds it is fitted
    to the features of all rows; it never sees targets.

    Args:
        rows: the training rows, of which some may be held out.
        schema: which columns of a table are inputs, and of which kind; None for images.
        task: of a table; None: inferred by `infer_task`.
        target_names: of a table; None: "target", …
        recipe_name: see `recipe`.
        changes: settings that differ from the recipe's, by name.
        settings: used instead of `recipe_name` and `changes`.
        validation: validation rows; None: held out of `rows` as the settings say. With a
            validation set, the networks of folds all train on all of `rows`.
        calibrates: whether the validation rows may calibrate the predictions; False for test rows.
        class_weight: see `Rows.weighted_by_class`.
        start: a model to continue from, with its encoder, targets and weights; None: a new one.

    Raises:
        SettingsError: the recipe or a setting is unknown or out of range.
        DataError: the rows cannot be used.
    """
    changes = changes or {}
    is_table = rows.image_shape is None
    rows = rows.drop_zero_weight()
    if len(rows) < 2:
        raise TableError(f"there is {len(rows)} row to train on; at least 2 are needed")
    if is_table:
        targets = _targets_of_table(rows, task, target_names, changes)
    else:
        targets = Targets.of_class_names(rows.class_names)
    if settings is None:
        settings = recipe(
            recipe_name,
            TASK_NAMES[targets.task] if is_table else "images",
            num_rows=len(rows),
            num_columns=None if schema is None else len(schema.inputs),
            **changes,
        )
    if targets.task == "regression":
        targets = scaled_targets(rows.targets, targets, settings)
        require_different_numbers(targets)
    is_whole = is_table and len(rows) <= settings.batch_size
    if is_whole and rows.groups is None and rows.times is None:
        rows = rows.repeated(most_repeated(settings, validation, schema)).in_order(targets)
    rows = rows.weighted_by_class(class_weight, targets)
    settings, split = split_for(rows, targets, settings, validation)
    is_few = split.held_out is not None and len(split.held_out[0]) < FEWEST_ROWS_TO_SELECT
    is_asked = not {"selection", "patience"}.isdisjoint(changes)
    if is_table and is_few and not settings.num_folds and not is_asked:
        settings = replace(settings, selection="last")
    encoder: Encoder | ImageEncoder
    if start is not None:
        _check_start(start, targets)
        encoder, targets = start.encoder, start.targets
    elif rows.image_shape is not None:
        encoder = ImageEncoder(rows.image_shape)
    else:
        assert schema is not None
        is_learned_whole = settings.num_folds or len(split.train[0]) == len(rows)
        learned = rows if is_learned_whole else rows.take(split.train[0])
        encoder = Encoder.fit(learned.frame, schema, EncodingPlan(settings.one_hot_limit or None))
        if targets.task == "regression" and not is_learned_whole:
            targets = scaled_targets(learned.targets, targets, settings)
    examples = as_examples(rows, encoder, targets)
    settings = with_possible_statistics(
        settings,
        encoder,
        targets,
        split,
        rows.groups,
        is_asked="category_statistics" in changes and not _are_whole(changes),
    )
    if settings.category_statistics:
        examples = encoded_with_versions(
            examples, encoder.category_sizes, split, settings.seed, rows.groups
        )
    settings = with_possible_refit(
        settings,
        split,
        has_own_validation=validation is not None,
        is_begun=start is not None,
        is_asked="refit" in changes and not _are_whole(changes),
    )
    data = PreparedData(
        recipe_name,
        settings,
        schema,
        encoder,
        targets,
        examples,
        _held_out(examples, split, encoder, targets, rows.groups, validation),
        None if split.held_out is None else len(split.held_out[0]),
        has_own_validation=validation is not None,
        calibrates=calibrates,
        rows=rows,
        split=split,
        example=rows.frame.select(encoder.column_names).row(0, named=True) if is_table else {},
        start=start,
    )
    if start is not None and (
        start.network.spec != data.spec.with_one_version()
        or start.network.num_members != len(data.members)
    ):
        raise SettingsError(
            "a warm start needs networks of the same shape and number as before (warm_start)"
        )
    return data


def _are_whole(changes: Mapping[str, Any]) -> bool:
    """Whether all settings are given, as those of a run that is resumed, so that none is asked."""
    return len(changes) == len(setting_types())


def as_examples(
    rows: Rows,
    encoder: Encoder | ImageEncoder,
    targets: Targets,
    *,
    source: str = "the table",
    mean_weight: float | None = None,
) -> Examples:
    """Encode rows.

    Args:
        rows: of a table, or images.
        encoder: encodes the features.
        targets: encodes the targets.
        source: the table's name in error messages.
        mean_weight: the weights are divided by it; None: by their own mean.

    Raises:
        DataError: the rows do not fit.
    """
    weights = rows.weights
    if weights is not None:
        weights = (weights / (mean_weight or weights.mean())).astype(np.float32)
    features: Any = rows.features
    return Examples(
        torch.from_numpy(encoder.encode(features, source)),
        torch.from_numpy(rows.encoded_targets(targets)),
        None if weights is None else torch.from_numpy(weights),
        image_shape=encoder.image_shape,
    )


def spec_of(
    settings: TrainingSettings, encoder: Encoder | ImageEncoder, targets: Targets
) -> NetworkSpec:
    """The network's shape for these inputs and targets."""
    return settings.network_spec(
        encoder.num_inputs,
        targets.num_outputs,
        num_numeric=encoder.num_numeric,
        category_sizes=encoder.category_sizes,
        one_hot_blocks=encoder.one_hot_blocks,
        input_scale=encoder.input_scale,
        num_statistics=num_statistics(targets),
    )


def require_different_numbers(targets: Targets) -> None:
    """Raise TableError if every target is constant; warn if some of several are.

    Args:
        targets: of a regression, fitted.
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


def require_classes(targets: Targets) -> None:
    """Raise TableError if there is only one class."""
    if targets.is_classification and len(targets.classes) < 2:
        raise TableError(
            f"the target {targets.names[0]!r} has the class {targets.classes[0]!r} alone; "
            "at least 2 classes are needed"
        )


def _targets_of_table(
    rows: Rows, task: Task | None, names: Sequence[str] | None, changes: Mapping[str, Any]
) -> Targets:
    if task is None and changes.get("loss") in LOSSES_OF_TASKS["regression"]:
        task = "regression"  # integers would be inferred as classes
        require_numbers_for_loss(np.asarray(rows.targets), str(changes["loss"]))
    targets = Targets.fit(rows.targets, task, names, numbers=rows.numbers)
    require_classes(targets)
    return targets


def scaled_targets(values: NDArray[Any], targets: Targets, settings: TrainingSettings) -> Targets:
    """Regression targets on the scale that the loss needs."""
    return Targets.fit(
        values, "regression", targets.names, loss=settings.loss, quantiles=settings.quantiles
    )


def _check_start(start: Model, targets: Targets) -> None:
    if start.targets.classes != targets.classes or start.targets.task != targets.task:
        raise SettingsError("a warm start needs the same classes as before (warm_start)")
    if start.targets.scale.quantiles != targets.scale.quantiles or (
        start.targets.scale.are_counts != targets.scale.are_counts
    ):
        raise SettingsError("a warm start needs the same loss as before (warm_start)")


def _held_out(
    examples: Examples,
    split: Split,
    encoder: Encoder | ImageEncoder,
    targets: Targets,
    groups: NDArray[Any] | None,
    validation: Rows | None,
) -> HeldOut | None:
    if validation is not None:
        validation = validation.drop_zero_weight()
        return HeldOut(as_examples(validation, encoder, targets), None, validation.groups)
    if split.held_out is None:
        return None
    if not split.is_shared:
        return HeldOut(examples, split.held_out, groups)
    numbers = split.held_out[0]
    measured = examples.at(torch.from_numpy(numbers))
    return HeldOut(measured, None, None if groups is None else groups[numbers])
