"""Choose schema, encoder, targets and settings of a large table from a sample of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.columns.target_checks import require_numbers_for_loss
from multilayer.columns.target_values import Task, infer_task, target_array
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.targets import Targets
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import TableError
from multilayer.fit.chunked_fit import large_settings, populations_of
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.memory_plan import MemoryPlan
from multilayer.fit.prepare import require_classes, scaled_targets
from multilayer.fit.survey import MOST_CLASSES, TableSurvey
from multilayer.fit.table_source import typed_table
from multilayer.recipes.recipes import LOSSES_OF_TASKS


@dataclass(frozen=True, eq=False)
class EncodingChoice:
    """How a table's rows are encoded and split, and the settings to train with.

    Attributes:
        schema: which columns are inputs, and of which kind.
        sample_rows: number of rows that the schema was inferred from.
        settings: of the training.
        targets: encodes the targets.
        encoder: encodes the features; fitted to the training rows of the sample.
        inputs: of these rows, (num_rows, num_inputs).
        example: one row of the table: the input columns by name.
        draw: which rows are held out; None: none.
        row_bytes: size of an encoded row.
        chunk_bytes: memory for a chunk of rows.
        most_held_out: most validation rows that fit within the memory limit.
    """

    schema: Schema
    sample_rows: int
    settings: TrainingSettings
    targets: Targets
    encoder: Encoder
    inputs: NDArray[np.float32]
    example: dict[str, Any]
    draw: RowDraw | None
    row_bytes: int
    chunk_bytes: int
    most_held_out: int


def choose_encoding(
    survey: TableSurvey,
    roles: ColumnRoles,
    memory: MemoryPlan,
    source: str,
    *,
    task: Task | None,
    recipe_name: str,
    changes: Mapping[str, Any],
    has_own_validation: bool,
) -> EncodingChoice:
    """Choose the encoding of a table from its sample.

    Args:
        survey: of the whole table.
        roles: what its columns are for.
        memory: divides the memory limit.
        source: the table's name in error messages.
        task: None: inferred by `infer_task`.
        recipe_name: see `recipe`.
        changes: settings that differ from the recipe's, by name.
        has_own_validation: whether there is a validation set.

    Raises:
        SettingsError: a setting is out of range, or the limit on memory too small for this table.
        TableError: the columns or the target cannot be used.
    """
    sample_rows = len(survey.sample)
    schema, sample = typed_table(survey.sample, survey.sample_rows, roles, None, source)
    if task is None and changes.get("loss") in LOSSES_OF_TASKS["regression"]:
        task = "regression"  # integers would be inferred as classes
        require_numbers_for_loss(survey.sample_targets(), str(changes["loss"]))
    targets = _targets(survey, roles.target, task, source)
    settings = large_settings(
        recipe_name, targets.task, survey.num_rows, len(schema.inputs), changes,
        has_own_validation=has_own_validation,
    )  # fmt: skip
    if targets.task == "regression":
        targets = scaled_targets(survey.sample_targets(), targets, settings)
    plan = EncodingPlan(settings.one_hot_limit or None)
    encoder = Encoder.fit(sample, schema, plan)
    row_bytes = _row_bytes(encoder, targets, survey.mean_weight is not None)
    chunk_bytes, most_held_out = memory.training(
        populations_of(settings, encoder, targets), row_bytes
    )
    share, draw = min(settings.validation_fraction, most_held_out / survey.num_rows), None
    if share:
        is_divided = targets.is_classification
        draw = RowDraw.of_share(
            share, survey.num_rows, settings.seed, survey.first_rows() if is_divided else (),
            roles.group_by, survey.rows_of_rare_classes() if is_divided else (),
        )  # fmt: skip
        is_learned = ~draw.is_held_out(survey.sample, survey.sample_numbers)
        sample = sample.filter(is_learned)
        encoder = Encoder.fit(sample, schema, plan)
        if targets.task == "regression":
            targets = scaled_targets(survey.sample_targets()[is_learned], targets, settings)
        row_bytes = _row_bytes(encoder, targets, survey.mean_weight is not None)
    return EncodingChoice(
        schema, sample_rows, settings, targets, encoder, encoder.encode(sample),
        sample.select(encoder.column_names).row(0, named=True), draw, row_bytes, chunk_bytes,
        most_held_out,
    )  # fmt: skip


def _targets(
    survey: TableSurvey, names: tuple[str, ...], task: Task | None, source: str
) -> Targets:
    """The targets, with all classes of the table."""
    of_sample, labels = survey.sample_targets(), survey.labels()
    found = task
    if found is None:
        seen = of_sample
        if labels is not None and len(of_sample) < survey.num_rows:
            # The sample may lack a class, or all fractional numbers.
            seen = np.concatenate([of_sample, target_array(list(labels.counts))])
        found = infer_task(seen)
    if found not in ("binary", "multiclass"):
        return Targets.fit(of_sample, found, names, numbers=survey.sample_rows)
    if labels is None:
        raise TableError(
            f"the target {names[0]!r} of {source} has more than {MOST_CLASSES:,} classes; "
            "if it is a number, pass --task regression"
        )
    targets = Targets.of_labels(labels, task, names[0])
    require_classes(targets)
    return targets


def _row_bytes(encoder: Encoder, targets: Targets, is_weighted: bool) -> int:
    target_bytes = 8 if targets.is_classification else 4 * len(targets.names)
    return 4 * encoder.row_width + target_bytes + 4 * is_weighted
