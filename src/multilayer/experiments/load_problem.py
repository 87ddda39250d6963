"""Data to learn from, by its name or its path."""

from pathlib import Path

from multilayer.columns.target_values import Task
from multilayer.encoding.targets import Targets
from multilayer.errors import escaped
from multilayer.experiments.problem import ArrayProblem, Problem
from multilayer.experiments.table_problem import TableProblem
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.image_rows import image_examples
from multilayer.fit.table_source import read_rows, require_varied, warn_of
from multilayer.images.datasets import load_images, require_no_data_dir, require_target
from multilayer.reading.table_files import table_name


def load_problem(
    data: str | Path | Problem,
    data_dir: str | Path | None = None,
    *,
    target: str | ColumnRoles | None = None,
    task: Task | None = None,
) -> Problem:
    """The training rows of a data set, whose test rows are left alone, or those of a table.

    Args:
        data: as `load_images` takes it; with a target as `read_table` does; or a problem, as it is.
        data_dir: as `load_images` takes it.
        target: the column of a table to predict, or what all its columns are for.
        task: what the target is; None: its values tell.

    Raises:
        SettingsError: a table has no target, or images have one.
        DataError: the data cannot be had or used.
    """
    if isinstance(data, Problem):
        return data
    require_target(data, has_target=target is not None)
    if target is None:
        dataset = load_images(data, data_dir)
        return ArrayProblem(
            dataset.name,
            image_examples(dataset.train, dataset),
            len(dataset.class_names),
            1 / 255,
            dataset.image_shape,
            dataset.class_names,
        )
    require_no_data_dir(data_dir)
    roles = target if isinstance(target, ColumnRoles) else ColumnRoles((target,))
    source = read_rows(data, roles)
    warn_of((*source.notes, *source.schema.warnings))
    rows = source.rows.drop_zero_weight()
    targets = Targets.fit(rows.targets, task, roles.target, numbers=rows.numbers)
    require_varied(targets)
    warn_of(targets.notes)
    return TableProblem(escaped(table_name(data)), rows, source.schema, targets)
