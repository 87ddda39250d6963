"""The loss in the plane in which a training moved most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.scores import evaluate
from multilayer.engine.specification import NetworkSpec

_MARGIN = 0.25  # of the way's extent, on each side


@dataclass(frozen=True, eq=False)
class LossSurface:
    """Losses on a grid, and the way over it.

    Attributes:
        losses: (num_points, num_points); rows go along the second direction.
        xs: steps along the first direction, from the last weights on.
        ys: steps along the second.
        path: where the training was, (num_snapshots, 2).
        shares: of the way's variance that each direction holds.
    """

    losses: NDArray[Any]
    xs: NDArray[Any]
    ys: NDArray[Any]
    path: NDArray[Any]
    shares: tuple[float, float]


def loss_surface(
    spec: NetworkSpec,
    snapshots: Sequence[Tensor],
    examples: Examples,
    loss: str = "cross_entropy",
    num_points: int = 25,
) -> LossSurface:
    """Losses about the way that a training took.

    The directions are the first two principal components of the parameters' differences from the
    last ones (Li et al., "Visualizing the Loss Landscape of Neural Nets", 2018, section 7).

    Args:
        spec: the network's shape.
        snapshots: its parameters after some epochs, (num_parameters,) each; at least two.
        examples: the rows that the loss is taken of.
        loss: a name in `LOSSES`.
        num_points: of the grid along each direction.
    """
    last = snapshots[-1]
    way = torch.stack(list(snapshots)) - last
    _, lengths, directions = torch.linalg.svd(way, full_matrices=False)
    directions = directions[:2]
    if len(directions) < 2:
        directions = torch.cat([directions, torch.zeros_like(directions)])
    path = (way @ directions.T).numpy()
    xs, ys = (_axis(path[:, number], num_points) for number in range(2))
    rows = []
    for y in ys:
        steps = torch.from_numpy(np.stack([xs, np.full_like(xs, y)], 1)).to(last.dtype)
        line = Network.of(spec, last + steps @ directions)
        rows.append(evaluate(line, examples, loss).loss)
    variances = (lengths**2 / (lengths**2).sum()).tolist()
    return LossSurface(np.array(rows), xs, ys, path, (variances[0], (*variances, 0.0)[1]))


def _axis(places: NDArray[Any], num_points: int) -> NDArray[Any]:
    low, high = float(places.min()), float(places.max())
    margin = _MARGIN * (high - low) or 1.0
    axis: NDArray[Any] = np.linspace(low - margin, high + margin, num_points)
    return axis
