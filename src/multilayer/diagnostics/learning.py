"""Pictures of how a network learned, made by letting it learn once more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multilayer.diagnostics.loss_surface import loss_surface
from multilayer.drawing.learning_pictures import (
    MOST_REGIONS,
    Plane,
    save_first_layer_epochs,
    save_loss_surface,
    save_regions,
)
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.target_statistics import statistic_tables
from multilayer.engine.training import train
from multilayer.errors import SettingsError
from multilayer.images.planes import PLANE_NAMES, plane_points
from multilayer.runs.run_rows import PlanePoints, RunRows, rows_of_run
from multilayer.runs.written_settings import read_settings

# What a plane is learned with, where nothing else is asked for.
_PLANE_SETTINGS = (
    "hidden_widths=32,32,activation=tanh,learning_rate=0.01,optimizer=adam,batch_size=32,"
    "max_epochs=80"
)
_MOST_SNAPSHOTS = 40
_GRID = 80  # points along each side of a plane
_SURFACE_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network's parameters (num_parameters,) after an epoch; 0 is before training."""

    epoch: int
    parameters: Tensor


def learning_of(source: str | Path, settings: str = "", data: str | Path | None = None) -> RunRows:
    """Find out what is to be learned.

    Args:
        source: a run folder, or "spirals", "moons", "circles" or "xor".
        settings: of a plane, as text (see `read_settings`), in place of its own.
        data: what the run was trained on, if that has moved.

    Raises:
        SettingsError: settings are given for a run, or written wrongly.
        RunFolderError: the run folder is not one.
        DataError: the run's data cannot be had any more.
    """
    if source in PLANE_NAMES:
        inputs, labels = plane_points(source)
        chosen = read_settings(settings or _PLANE_SETTINGS)
        examples = Examples(torch.from_numpy(inputs), torch.from_numpy(labels))
        num_classes = int(labels.max()) + 1
        return RunRows(
            str(source),
            chosen,
            chosen.network_spec(2, num_classes),
            examples,
            class_names=tuple(map(str, range(num_classes))),
            plane=PlanePoints(inputs, None, lambda points: torch.from_numpy(points).float()),
        )
    if settings:
        raise SettingsError("a run has its own settings; settings go with a plane such as spirals")
    return rows_of_run(source, data)


def snapshots_of(learning: RunRows) -> Iterator[Snapshot]:
    """Train from the same first weights on the same batches, and look after some epochs.

    Yields:
        At most 41 snapshots, the first before training and the last at its end.
    """
    # What is looked at is the way, so that no epoch is selected at its end.
    settings = replace(
        learning.settings, selection="last", patience=0, average_decay=0.0, num_members=1,
        num_folds=0,
    )  # fmt: skip
    spec, rows = learning.spec, learning.train
    statistics = statistic_tables(spec, rows)
    network = Network.for_training(spec, [settings], rows.inputs, statistics=statistics)
    yield Snapshot(0, network.parameters[0].clone())
    every = -(-settings.max_epochs // _MOST_SNAPSHOTS)
    for record in train(network, learning.train, settings):
        if record.epoch % every == 0 or record.epoch == settings.max_epochs:
            yield Snapshot(record.epoch, network.parameters[0].clone())


def save_pictures(learning: RunRows, snapshots: list[Snapshot], folder: Path) -> list[str]:
    """Draw what there is to see: regions of a plane or first weights of pictures, and the surface.

    Returns:
        What could not be drawn, and why.

    Raises:
        OutputError: a file cannot be written.
    """
    epochs = [snapshot.epoch for snapshot in snapshots]
    missing = []
    if learning.plane is not None and len(learning.class_names) <= MOST_REGIONS:
        _save_regions(learning, learning.plane, snapshots, epochs, folder)
    elif learning.image_shape is not None:
        weight, _ = learning.spec.linear_layers[0]
        weights = [
            weight.view(snapshot.parameters.unsqueeze(0))[0].numpy() for snapshot in snapshots
        ]
        save_first_layer_epochs(weights, epochs, learning.image_shape, folder)
    else:
        missing.append(
            "regions are drawn of tables with two numeric columns and a class to predict, of "
            f"{MOST_REGIONS} at most; this has the loss surface alone"
        )
    if learning.settings.num_draws:
        missing.append(
            "of a pack its first draw is shown, which has the recipe's own settings; a mixture is "
            "no network with a way of its own"
        )
    few = learning.train.at(slice(_SURFACE_ROWS))
    surface = loss_surface(
        learning.spec, [snapshot.parameters for snapshot in snapshots], few, learning.settings.loss
    )
    save_loss_surface(surface.losses, surface.xs, surface.ys, surface.path, surface.shares, folder)
    return missing


def _save_regions(
    learning: RunRows,
    plane: PlanePoints,
    snapshots: list[Snapshot],
    epochs: list[int],
    folder: Path,
) -> None:
    points = plane.points
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    margins = 0.05 * np.where(high > low, high - low, 1.0)
    low, high = low - margins, high + margins
    sides = [np.linspace(low[axis], high[axis], _GRID) for axis in (0, 1)]
    x, y = np.meshgrid(*sides)
    grid = plane.inputs_of(np.stack([x.ravel(), y.ravel()], 1))
    population = Network.of(learning.spec, torch.stack([one.parameters for one in snapshots]))
    answers = population.logits(grid).softmax(-1).view(len(snapshots), _GRID, _GRID, -1).numpy()
    shown = Plane(
        points,
        learning.train.targets.numpy(),
        (float(low[0]), float(high[0]), float(low[1]), float(high[1])),
        plane.names,
    )
    save_regions(shown, list(answers), epochs, folder)
