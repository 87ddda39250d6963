"""What the layers of a network do with some rows: their activations and their gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import Examples
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network

_NUM_BINS = 30
# From here on an activation that is bounded has next to no slope left: (lower, upper).
_SATURATED = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}
_SILENT = 1e-6  # a neuron whose values differ by less says the same of every row


@dataclass(frozen=True)
class LayerStatistics:
    """One hidden layer's values on some rows.

    Args:
        width: neurons.
        activation: the function that they are values of.
        mean: of all values.
        deviation: of all values.
        zero_share: of all values, those that are exactly 0.
        silent_share: of the neurons, those that say the same of every row.
        saturated_share: of all values, those at which the activation has next to no slope; None
            where the activation has no bounds.
        histogram: number of values in each of 30 equal parts of `range`.
        range: smallest and largest value.
    """

    width: int
    activation: str
    mean: float
    deviation: float
    zero_share: float
    silent_share: float
    saturated_share: float | None
    histogram: tuple[int, ...]
    range: tuple[float, float]


@dataclass(frozen=True)
class GradientNorm:
    """Euclidean norms of a weight matrix W and of ∂loss/∂W."""

    name: str
    gradient: float
    weight: float


def layer_statistics(
    network: Network, examples: Examples, loss: str
) -> tuple[list[LayerStatistics], list[GradientNorm]]:
    """Pass rows through one network and back, without dropout.

    Args:
        network: a population; its first member is looked at.
        examples: the rows, all in one batch.
        loss: a name in `LOSSES`.

    Returns:
        Statistics of each hidden layer, and norms for each weight matrix, in order.
    """
    with torch.inference_mode():
        # A copy, because a pass back moves the running statistics of batch norm.
        one = Network.of(network.spec, network.parameters[:1].clone())
        gradient = torch.zeros_like(one.parameters)
        passes = Passes(one.spec, one.parameters, gradient)
        outputs = passes.forward(examples.inputs.unsqueeze(0))
        layers = [
            _of(values[0], name)
            for values, name in zip(passes.hidden_values, one.spec.activations, strict=True)
        ]
        weights = None if examples.weights is None else examples.weights.unsqueeze(0)
        _, outputs_gradient = LOSSES[loss]()(outputs, examples.targets.unsqueeze(0), weights)
        passes.backward(outputs_gradient)
        norms = [
            GradientNorm(
                weight.name,
                float(weight.view(gradient).norm()),
                float(weight.view(one.parameters).norm()),
            )
            for weight, _ in one.spec.linear_layers
        ]
    return layers, norms


def _of(values: Tensor, activation: str) -> LayerStatistics:
    """Statistics of values (batch, width)."""
    values = values.double()
    low, high = float(values.min()), float(values.max())
    saturated = None
    if activation in _SATURATED:
        least, most = _SATURATED[activation]
        saturated = float(((values < least) | (values > most)).double().mean())
    return LayerStatistics(
        width=values.shape[1],
        activation=activation,
        mean=float(values.mean()),
        deviation=float(values.std(correction=0)),
        zero_share=float((values == 0).double().mean()),
        silent_share=float(((values.amax(0) - values.amin(0)) < _SILENT).double().mean()),
        saturated_share=saturated,
        histogram=tuple(int(n) for n in torch.histc(values, _NUM_BINS, low, high)),
        range=(low, high),
    )
