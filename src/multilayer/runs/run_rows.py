"""The training and validation rows of a run, encoded for the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.columns.schema import Schema
from multilayer.engine.batches import Examples
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import RunFolderError, SettingsError, TableError
from multilayer.fit.fit import Fit
from multilayer.fit.image_rows import prepare_images
from multilayer.fit.moved_data import check_is_there, find_folder, locate_data
from multilayer.fit.prepare import prepare
from multilayer.fit.table_source import read_rows
from multilayer.images.datasets import ImageDataset, load_images
from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.runs.configuration import roles_of
from multilayer.runs.data_of_run import check_images_of_run, check_table_of_run
from multilayer.runs.run_documents import members_of_model, read_settings

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PlanePoints:
    """Rows with two numeric columns, to draw as points of a plane.

    Args:
        points: (num_rows, 2), in the units of the data.
        names: of the two columns, if they have names.
        inputs_of: encodes points (num_points, 2) as inputs (num_points, num_inputs).
    """

    points: Array
    names: tuple[str, str] | None
    inputs_of: Callable[[Array], Tensor]


@dataclass(frozen=True, eq=False)
class RunRows:
    """The rows of a run; of several networks those of the first one.

    Attributes:
        name: of the run.
        settings: of the run.
        spec: the network's shape.
        train: training rows.
        validation: validation rows; None without any.
        num_validation_rows: validation rows of all networks together.
        validates_on_test: whether these are the test rows.
        class_names: one for each class; empty for regression and multilabel.
        image_shape: of images.
        plane: for classification by two numeric columns, the points.
        fit: of a table.
    """

    name: str
    settings: TrainingSettings
    spec: NetworkSpec
    train: Examples
    validation: Examples | None = None
    num_validation_rows: int = 0
    validates_on_test: bool = False
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    plane: PlanePoints | None = None
    fit: Fit | None = None


def rows_of_run(run: str | Path, data: ImageDataset | Fit | str | Path | None = None) -> RunRows:
    """Load the rows of a run again.

    Args:
        run: the folder.
        data: the data if in memory, or their current path; None: loaded from their old path, or
            from where they were moved together with the run folder.

    Raises:
        RunFolderError: the folder is not of a run by this version, or its table has changed.
        DataError: the data cannot be loaded any more.
    """
    description = read_settings(run)
    settings = _settings_of(run, description)
    name = Path(run).name
    member = (members_of_model(run) or [0])[0]  # others diverged
    if isinstance(data, Fit):
        return _of_table(name, settings, data, member)
    place = data if isinstance(data, str | Path) else None
    origin = description["data"]
    if origin["kind"] == "table":
        return _of_table(name, settings, _fit_again(run, description, settings, place), member)
    load, data_dir = origin["load"], origin.get("data_dir")
    if isinstance(data, ImageDataset):
        return _of_images(name, settings, data, member)
    if place is None:
        place = find_folder(run, load) if Path(load).is_absolute() else load
    dataset = load_images(place, data_dir)
    check_images_of_run(run, origin, dataset, is_shown=False)
    return _of_images(name, settings, dataset, member)


def _settings_of(run: str | Path, description: Mapping[str, Any]) -> TrainingSettings:
    try:
        description["data"]
        return TrainingSettings(**description["settings"])
    except (KeyError, TypeError, SettingsError) as error:
        raise _of_another_version(run, error) from error


def _of_another_version(run: str | Path, error: Exception) -> RunFolderError:
    return RunFolderError(f"{run}/settings.json is not that of a run by this version: {error}")


def _of_images(
    name: str, settings: TrainingSettings, dataset: ImageDataset, member: int
) -> RunRows:
    data = prepare_images(dataset, settings)
    train, validation = data.examples_of_member(member)
    num_validation = 0 if data.held_out is None else data.held_out.num_rows
    return RunRows(
        name,
        settings,
        data.spec,
        train,
        validation,
        num_validation,
        data.has_own_validation,
        tuple(dataset.class_names),
        dataset.image_shape,
    )


def _fit_again(
    run: str | Path,
    description: Mapping[str, Any],
    settings: TrainingSettings,
    given: str | Path | None,
) -> Fit:
    """Prepare the fit of a run on a table again; `given` is the table's current path, if known."""
    origin = description["data"]
    try:
        roles = roles_of(origin)
        assert roles is not None
        schema = Schema.from_json(origin["schema"])
        path, num_rows, recipe_name = origin["load"], origin["num_rows"], description["recipe"]
        task, validation = origin["task"], origin.get("validation")
    except (KeyError, TypeError, TableError) as error:
        raise _of_another_version(run, error) from error
    if given is None and STANDARD_INPUT in (path, validation):
        raise RunFolderError(
            f"the rows of {run} came from the standard input and cannot be read again"
        )
    origin = locate_data(run, origin, given)
    path, validation = origin["load"], origin["validation"]
    check_is_there(run, path)
    check_table_of_run(run, origin, is_shown=False)
    source = read_rows(path, roles, schema=schema)
    rows = source.rows
    if len(rows) != num_rows:
        raise RunFolderError(
            f"{path} has {len(rows):,} rows with a target; the run {run} was trained on "
            f"{num_rows:,}"
        )
    own = None
    if validation is not None:
        check_is_there(run, validation)
        check_table_of_run(run, origin, is_shown=False, is_validation=True)
        own = read_rows(validation, roles, schema=schema, number_types=source.number_types).rows
    changes = {one.name: getattr(settings, one.name) for one in fields(settings)}
    data = prepare(
        rows, schema, task=task, target_names=roles.target, recipe_name=recipe_name,
        changes=changes, validation=own,
    )  # fmt: skip
    return Fit(data)


def _of_table(name: str, settings: TrainingSettings, fit: Fit, member: int) -> RunRows:
    train, validation = fit.data.examples_of_member(member)
    num_validation = 0 if validation is None else len(validation)
    if fit.settings.num_folds:
        num_validation = fit.num_validation_rows
    return RunRows(
        name,
        settings,
        fit.network.spec,
        train,
        validation,
        num_validation,
        False,
        tuple(map(str, fit.targets.classes)),
        plane=_plane_of(fit),
        fit=fit,
    )


def _plane_of(fit: Fit) -> PlanePoints | None:
    columns = () if fit.schema is None else fit.schema.inputs
    if len(columns) != 2 or any(column.kind != "numeric" for column in columns):
        return None
    if not fit.targets.is_classification:
        return None
    names = (columns[0].name, columns[1].name)
    frame = fit.rows.take(fit.split.train[0]).frame
    points = frame.select(names).to_numpy().astype(np.float64)
    return PlanePoints(points, names, partial(_encoded, fit, names))


def _encoded(fit: Fit, names: tuple[str, str], points: Array) -> Tensor:
    import polars as pl

    frame = pl.DataFrame({name: points[:, place] for place, name in enumerate(names)})
    return torch.from_numpy(fit.encoder.encode(frame))
