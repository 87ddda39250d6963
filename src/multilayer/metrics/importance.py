"""Permutation importance of columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers
from multilayer.encoding.number_scale import NumberScale
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.model.answers import Answers

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

_NUM_SHUFFLES = 5


@dataclass(frozen=True)
class Importance:
    """Permutation importance of a column.

    Attributes:
        column: of the table.
        rise: in the loss, on average over the shuffles: log loss; or of standardised numbers the
            mean square error, of quantiles the pinball loss; or Poisson's loss of counts over their
            mean.
        deviation: of it between the shuffles.
    """

    column: str
    rise: float
    deviation: float


def permutation_importance(
    model: Answers,
    frame: "pl.DataFrame",
    targets: NDArray[Any],
    members: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> list[Importance]:
    """Shuffle one column after the other (Breiman, "Random forests", 2001).

    Args:
        model: what answers.
        frame: rows that it has not learned from.
        targets: of the rows, as they are in the table.
        members: of the population, for each row the one that has not learned from it, (num_rows,);
            None: none has, and the mean of all is looked at.
        seed: of the shuffles.

    Returns:
        All columns, the one with the largest rise first.
    """
    truths = model.targets.encode(targets)
    unseen = UnseenValues()
    inputs = model.table_encoder.encode(frame, unseen=unseen)
    unseen.bare = BareNumbers()  # the frame is typed, and has lost its signs
    unseen.report(model.on_unseen)
    whole = _loss(model, inputs, truths, members)
    generator = np.random.default_rng(seed)
    found = []
    for column, places in model.table_encoder.feature_groups.items():
        kept = inputs[:, list(places)]
        rises = []
        for _ in range(_NUM_SHUFFLES):
            inputs[:, list(places)] = kept[generator.permutation(len(inputs))]
            rises.append(_loss(model, inputs, truths, members) - whole)
        inputs[:, list(places)] = kept
        found.append(Importance(column, float(np.mean(rises)), float(np.std(rises))))
    return sorted(found, key=lambda importance: -importance.rise)


def _loss(
    model: Answers,
    inputs: NDArray[np.float32],
    truths: NDArray[Any],
    members: NDArray[np.int64] | None,
) -> float:
    outputs = _outputs(model, inputs, members)
    if model.targets.task == "regression":
        return _loss_of_numbers(model.targets.scale, outputs, truths)
    probabilities = model.member_probabilities(outputs).mean(axis=0)
    if model.targets.task == "multilabel":
        of_truth = np.where(truths == 1, probabilities, 1 - probabilities)
    else:
        of_truth = probabilities[np.arange(len(truths)), truths]
    return float(-np.log(np.maximum(of_truth, 1e-15)).mean())


def _outputs(
    model: Answers, inputs: NDArray[np.float32], members: NDArray[np.int64] | None
) -> Array:
    """Of all members, (num_members, num_rows, num_outputs), or of each row's own, (1, …)."""
    if members is None:
        return model.single_precision_outputs(inputs).astype(np.float64)
    outputs = np.empty((1, len(inputs), model.targets.num_outputs))
    for member in np.unique(members):
        own = members == member
        outputs[:, own] = model.single_precision_outputs(inputs[own], int(member))
    return outputs


def _loss_of_numbers(scale: NumberScale, outputs: Array, truths: NDArray[Any]) -> float:
    numbers, truths = scale.decode(outputs, clip=False).mean(axis=0), scale.restore(truths)
    if scale.are_counts:
        rates = np.maximum(numbers, np.finfo(np.float64).tiny) / scale.deviations
        return float((rates - truths / scale.deviations * np.log(rates)).mean())
    above = truths[:, :, None] - scale.by_quantile(numbers)
    above /= np.array(scale.deviations)[:, None]
    if scale.quantiles:
        levels = np.array(scale.quantiles)
        return float(np.maximum(levels * above, (levels - 1) * above).mean())
    return float((above**2).mean())
