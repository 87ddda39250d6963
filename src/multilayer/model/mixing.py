"""Mix what several networks answer to one row: their probabilities, or their numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_values import Task
from multilayer.engine.specification import NetworkSpec

Array = NDArray[Any]
OutputKind = Literal["classes", "labels", "numbers"]


class Mixture(NamedTuple):
    """Which networks answer beside the first ones, and how much each counts.

    Attributes:
        weights: of the first population, then of the others; above 0, they sum to 1.
        others: shape and parameters of each other population, (num_members, …) by slot name.
    """

    weights: tuple[float, ...]
    others: tuple[tuple[NetworkSpec, Mapping[str, NDArray[np.float32]]], ...]


def kind_of_outputs(task: Task) -> OutputKind:
    """What a network's outputs are in a task: logits of classes or of labels, or numbers."""
    if task == "multilabel":
        return "labels"
    return "numbers" if task == "regression" else "classes"


def mixed_outputs(outputs: Iterable[Array], weights: Sequence[float], kind: OutputKind) -> Array:
    """The outputs of one network that answers as the mixture does.

    Of classes and labels the probabilities are averaged, Σ wₖ pₖ, and the result are their logits,
    so that it goes on through temperature and softmax as the outputs of a network would; of numbers
    the outputs are averaged.

    Args:
        outputs: of each network, all of one shape, (…, num_outputs).
        weights: of the networks, above 0; they sum to 1.
        kind: what the outputs are.

    Returns:
        The mixed ones, in the same shape and dtype.
    """
    mixed: Array | None = None
    against: Array | None = None  # of labels, the logarithm of the probability that it is not there
    for of_network, weight in zip(outputs, weights, strict=True):
        if kind == "numbers":
            part = of_network * of_network.dtype.type(weight)
            mixed = part if mixed is None else np.add(mixed, part, out=mixed)
            continue
        shift = of_network.dtype.type(np.log(weight))
        if kind == "labels":
            part, other = shift + _log_sigmoid(of_network), shift + _log_sigmoid(-of_network)
            against = other if against is None else np.logaddexp(against, other, out=against)
        else:
            part = shift + _log_softmax(of_network)
        mixed = part if mixed is None else np.logaddexp(mixed, part, out=mixed)
    assert mixed is not None
    return mixed if against is None else mixed - against


def _log_sigmoid(logits: Array) -> Array:
    return -np.logaddexp(0, -logits)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms
