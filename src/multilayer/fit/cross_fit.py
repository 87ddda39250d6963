"""Networks in folds that only calibrate another: of a small table all rows are needed for that."""

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
    """Train networks in folds as another network was, on all of its rows of a table.

    Args:
        spec: the other network's shape.
        examples: all rows, with classes as targets.
        settings: the other network's.
        num_epochs: that it was trained for.

    Returns:
        The networks, and for each the numbers of the rows that it has not learned from; None where
        every row is of a class of its own or nothing was trained.
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
