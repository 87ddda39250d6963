"""Out-of-fold predictions, to calibrate a network that was trained on all rows of a small table."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.fit.split import folds

_NUM_FOLDS = 5


def cross_fitted(
    spec: NetworkSpec, examples: Examples, settings: TrainingSettings, num_epochs: int
) -> tuple[Network, tuple[NDArray[np.int64], ...]] | None:
    """Train networks in five folds with the settings of the network that was trained on all rows.

    Args:
        spec: that network's shape.
        examples: all rows, with classes as targets.
        settings: that network's.
        num_epochs: how long it was trained.

    Returns:
        The networks, and for each the indices of its held-out rows; None if no class has two rows
        or `num_epochs` is 0.
    """
    strata = examples.targets.numpy()
    if not num_epochs or np.bincount(strata).max() < 2:
        return None
    parts = [
        part for part in folds(strata, min(_NUM_FOLDS, len(strata)), settings.seed) if len(part[1])
    ]
    each = replace(
        settings, num_members=len(parts), num_folds=0, validation_fraction=0.0,
        selection="last", patience=0,
    )  # fmt: skip
    members = [replace(each, seed=settings.seed + fold + 1) for fold in range(len(parts))]
    rows = [torch.from_numpy(kept) for kept, _ in parts]
    network = Network.for_training(spec, members, examples.inputs, rows)
    epochs = train(network, examples, members, rows=rows)
    for _ in zip(range(num_epochs), epochs, strict=False):
        pass
    return network, tuple(held_out for _, held_out in parts)
