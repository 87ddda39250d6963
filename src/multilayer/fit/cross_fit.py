"""Out-of-fold predictions, to calibrate or shrink a network that was trained on a small table."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import statistic_tables
from multilayer.engine.training import train
from multilayer.fit.split import folds
from multilayer.fit.statistic_parts import encoded_by_folds

_NUM_FOLDS = 5


def cross_fitted(
    spec: NetworkSpec, examples: Examples, settings: TrainingSettings, num_epochs: int
) -> tuple[Network, tuple[NDArray[np.int64], ...]] | None:
    """Train networks in five folds with the settings of the network that was trained on all rows.

    Args:
        spec: that network's shape.
        examples: all rows, with classes or scaled numbers as targets.
        settings: that network's.
        num_epochs: how long it was trained.

    Returns:
        The networks, and for each the indices of its held-out rows; None if no class has two rows
        or `num_epochs` is 0.
    """
    is_class = not examples.targets.is_floating_point()
    strata = examples.targets.numpy() if is_class else np.zeros(len(examples), np.int64)
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
    if spec.category_statistics:
        examples = encoded_by_folds(examples, spec.category_sizes, [held for _, held in parts])
    statistics = statistic_tables(spec, examples, rows)
    network = Network.for_training(spec, members, examples.inputs, rows, statistics=statistics)
    epochs = train(network, examples, members, rows=rows)
    for _ in zip(range(num_epochs), epochs, strict=False):
        pass
    return network, tuple(held_out for _, held_out in parts)


def shrinkage_of(
    network: Network, examples: Examples, held_out: tuple[NDArray[np.int64], ...]
) -> NDArray[np.float64]:
    """The factors in [0, 1] by which outputs predict held-out targets best, (num_outputs,).

    Outputs and targets are scaled numbers, of which 0 is the mean: a factor of 0 predicts the mean.

    Args:
        network: trained in folds.
        examples: all rows.
        held_out: for each network the indices of its held-out rows.
    """
    rows = torch.from_numpy(np.concatenate(held_out))
    outputs = torch.cat(
        [
            network.member(fold).logits(examples.inputs[torch.from_numpy(part)])[0]
            for fold, part in enumerate(held_out)
        ]
    ).double()
    targets = examples.targets[rows].double().reshape(outputs.shape)
    if examples.weights is not None:
        outputs_weighted = outputs * examples.weights[rows].double()[:, None]
    else:
        outputs_weighted = outputs
    agreement, size = (outputs_weighted * targets).sum(0), (outputs_weighted * outputs).sum(0)
    factors: NDArray[np.float64] = (agreement / size.clamp(min=1e-12)).clamp(0, 1).numpy()
    return factors


def with_scaled_outputs(network: Network, factors: NDArray[np.float64] | float) -> Network:
    """A copy of the networks whose outputs are multiplied by factors, one or (num_outputs,)."""
    parameters = network.parameters.clone()
    for slot in network.spec.linear_layers[-1]:
        slot.view(parameters).mul_(torch.as_tensor(factors).to(parameters.dtype))
    return Network.of(network.spec, parameters)
