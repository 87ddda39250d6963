"""Pictures of how a network learned, made by letting it learn once more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multilayer.data.images import load_images
from multilayer.data.planes import PLANE_NAMES, plane_points
from multilayer.data.splits import split_rows
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import SettingsError
from multilayer.lab.doctor.evidence import settings_and_data
from multilayer.lab.image_rows import as_examples
from multilayer.lab.loss_surface import loss_surface
from multilayer.lab.written_settings import read_settings
from multilayer.report.learning_pictures import (
    Plane,
    save_first_layer_epochs,
    save_loss_surface,
    save_regions,
)

# What a plane is learned with, where nothing else is asked for.
_PLANE_SETTINGS = (
    "hidden_widths=32,32,activation=tanh,learning_rate=0.01,optimizer=adam,batch_size=32,"
    "max_epochs=80"
)
_MOST_SNAPSHOTS = 40
_GRID = 80  # points along each side of a plane
_SURFACE_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Learning:
    """What is to be learned.

    Attributes:
        name: the run's or the plane's.
        examples: the training rows.
        spec: the network's shape.
        settings: how it learns.
        image_shape: of pictures; None for a plane.
    """

    name: str
    examples: Examples
    spec: NetworkSpec
    settings: TrainingSettings
    image_shape: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network's parameters (num_parameters,) after an epoch; 0 is before training."""

    epoch: int
    parameters: Tensor


def learning_of(source: str | Path, settings: str = "") -> Learning:
    """Find out what is to be learned.

    Args:
        source: a run folder, or "spirals", "moons" or "circles".
        settings: of a plane, as text (see `read_settings`), in place of its own.

    Raises:
        SettingsError: settings are given for a run, or written wrongly.
        RunFolderError: the run folder is not one.
        DataError: the run's data cannot be had any more.
    """
    if source in PLANE_NAMES:
        inputs, labels = plane_points(source)
        chosen = read_settings(settings or _PLANE_SETTINGS)
        examples = Examples(torch.from_numpy(inputs), torch.from_numpy(labels))
        spec = chosen.network_spec(2, int(labels.max()) + 1)
        return Learning(str(source), examples, spec, chosen, None)
    if settings:
        raise SettingsError("a run has its own settings; settings go with a plane such as spirals")
    chosen, load, data_dir = settings_and_data(source)
    dataset = load_images(load, data_dir)
    examples = as_examples(dataset.train)
    if chosen.validation_fraction:
        kept, _ = split_rows(dataset.train.labels, chosen.validation_fraction, chosen.seed)
        examples = examples.at(torch.from_numpy(kept))
    spec = chosen.network_spec(
        examples.inputs.shape[1], len(dataset.class_names), input_scale=1 / 255
    )
    return Learning(Path(source).name, examples, spec, chosen, dataset.image_shape)


def snapshots_of(learning: Learning) -> Iterator[Snapshot]:
    """Train from the same first weights on the same batches, and look after some epochs.

    Yields:
        At most 41 snapshots, the first before training and the last at its end.
    """
    # What is looked at is the way, so that no epoch is selected at its end.
    settings = replace(learning.settings, selection="last", patience=0)
    network = Network.for_training(learning.spec, [settings], learning.examples.inputs)
    yield Snapshot(0, network.parameters[0].clone())
    every = -(-settings.max_epochs // _MOST_SNAPSHOTS)
    for record in train(network, learning.examples, settings):
        if record.epoch % every == 0 or record.epoch == settings.max_epochs:
            yield Snapshot(record.epoch, network.parameters[0].clone())


def save_pictures(learning: Learning, snapshots: list[Snapshot], folder: Path) -> None:
    """Draw what there is to see: regions of a plane or first weights of pictures, and the surface.

    Raises:
        OutputError: a file cannot be written.
    """
    epochs = [snapshot.epoch for snapshot in snapshots]
    if learning.image_shape is None:
        _save_regions(learning, snapshots, epochs, folder)
    else:
        weight, _ = learning.spec.linear_layers[0]
        weights = [
            weight.view(snapshot.parameters.unsqueeze(0))[0].numpy() for snapshot in snapshots
        ]
        save_first_layer_epochs(weights, epochs, learning.image_shape, folder)
    few = learning.examples.at(slice(_SURFACE_ROWS))
    surface = loss_surface(
        learning.spec, [snapshot.parameters for snapshot in snapshots], few, learning.settings.loss
    )
    save_loss_surface(surface.losses, surface.xs, surface.ys, surface.path, surface.shares, folder)


def _save_regions(
    learning: Learning, snapshots: list[Snapshot], epochs: list[int], folder: Path
) -> None:
    points = learning.examples.inputs.numpy()
    reach = 1.1 * float(np.abs(points).max())
    places = np.linspace(-reach, reach, _GRID, dtype=np.float32)
    x, y = np.meshgrid(places, places)
    grid = torch.from_numpy(np.stack([x.ravel(), y.ravel()], 1))
    population = Network.of(learning.spec, torch.stack([one.parameters for one in snapshots]))
    answers = population.logits(grid).softmax(-1).view(len(snapshots), _GRID, _GRID, -1).numpy()
    plane = Plane(points, learning.examples.targets.numpy(), (-reach, reach, -reach, reach))
    save_regions(plane, list(answers), epochs, folder)
