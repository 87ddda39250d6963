"""How much a model relies on each column."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.network import Network
from multilayer.model_file.table_model import TableModel

if TYPE_CHECKING:
    import polars as pl

_NUM_SHUFFLES = 5


@dataclass(frozen=True)
class Importance:
    """What shuffling a column does.

    Attributes:
        column: of the table.
        rise: in the loss, on average over the shuffles: log loss, or of numbers the mean square
            error of the standardised targets.
        deviation: of it between the shuffles.
    """

    column: str
    rise: float
    deviation: float


def permutation_importance(
    model: TableModel, frame: "pl.DataFrame", targets: NDArray[Any], seed: int = 0
) -> list[Importance]:
    """Shuffle one column after the other (Breiman, "Random forests", 2001).

    Args:
        model: what answers.
        frame: rows that it has not learned from.
        targets: of the rows, as they are in the table.
        seed: of the shuffles.

    Returns:
        All columns, the one with the largest rise first.
    """
    truths = model.targets.encode(targets)
    inputs = model.encoder.encode(frame)
    network = model.network
    whole = _loss(model, network, inputs, truths)
    generator = np.random.default_rng(seed)
    found = []
    for column, places in model.encoder.feature_groups.items():
        kept = inputs[:, list(places)]
        rises = []
        for _ in range(_NUM_SHUFFLES):
            inputs[:, list(places)] = kept[generator.permutation(len(inputs))]
            rises.append(_loss(model, network, inputs, truths) - whole)
        inputs[:, list(places)] = kept
        found.append(Importance(column, float(np.mean(rises)), float(np.std(rises))))
    return sorted(found, key=lambda importance: -importance.rise)


def _loss(
    model: TableModel, network: Network, inputs: NDArray[np.float32], truths: NDArray[Any]
) -> float:
    outputs = network.logits(torch.from_numpy(inputs)).double().numpy()
    if model.targets.task == "regression":
        return float(((outputs.mean(axis=0) - truths) ** 2).mean())
    probabilities = model.member_probabilities(outputs).mean(axis=0)
    if model.targets.task == "multilabel":
        of_truth = np.where(truths == 1, probabilities, 1 - probabilities)
    else:
        of_truth = probabilities[np.arange(len(truths)), truths]
    return float(-np.log(np.maximum(of_truth, 1e-15)).mean())
