"""What the page shows of a network: small arrays of numbers, whatever the network's size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import Examples
from multilayer.engine.losses import loss_to_train
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.playground.problems import Problem
from multilayer.playground.sketch import limits_around

_MAP_SIDE = 16  # of the picture of what a neuron answers over the plane
_REGION_SIDES = ((3_000, 64), (30_000, 48), (10_000_000, 32))  # by the number of parameters
_NUM_BINS = 21
_MOST_NUMBERS = 20_000  # that a histogram looks at
_MOST_PICTURES, _MOST_FILTERS = 20, 24
_MOST_ANSWERS = 500
MOST_CLASSES = 10

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def probabilities(logits: Tensor) -> Tensor:
    """Of the classes, (…, classes)."""
    return torch.softmax(logits, -1) if logits.shape[-1] > 1 else torch.sigmoid(logits)


def as_bytes(values: Tensor, low: float = 0.0, high: float = 1.0) -> Bytes:
    """Values between two as bytes from 0 to 255; what is beyond is at the end."""
    scaled = (values - low) / max(high - low, 1e-12)
    return torch.nan_to_num(scaled).clamp(0, 1).mul(255).round().to(torch.uint8).numpy()


class Plane:
    """What a network answers over the plane of a problem with two numbers as inputs.

    Args:
        problem: it has `points`, and at most `MOST_CLASSES`.
        num_parameters: of a network.

    Attributes:
        limits: left, right, bottom and top of what is drawn.
    """

    def __init__(self, problem: Problem, num_parameters: int) -> None:
        self._problem = problem
        self.limits = limits_around(problem.ranges)
        side = next(side for most, side in _REGION_SIDES if num_parameters <= most)
        self.inputs, self._map_inputs = self._grid(side), self._grid(_MAP_SIDE)
        self._shape = side, side
        targets = problem.targets
        self._low, self._high = float(targets.min()), float(targets.max())
        self._passes: tuple[Network, Passes] | None = None

    def region(self, network: Network) -> Bytes:
        """Probabilities of the classes, or the number between the targets' lowest and highest.

        Returns:
            (side, side, outputs), the first row at the top.
        """
        answers = network.logits(self.inputs)[0]
        if self._problem.task == "numbers":
            return as_bytes(answers[:, :1], self._low, self._high).reshape(*self._shape, -1)
        return as_bytes(probabilities(answers)).reshape(*self._shape, -1)

    def maps(self, network: Network, shown: Sequence[Sequence[int]]) -> Bytes:
        """What each drawn neuron says over the plane, from −its largest to its largest.

        Returns:
            (neurons, side, side): inputs first, outputs last; 127.5 is zero.
        """
        passes = Passes(network.spec, network.parameters)
        logits = passes.forward(self._map_inputs.unsqueeze(0))
        layers = [*passes.linear_inputs, logits]
        drawn = torch.cat([layer[0][:, list(n)] for layer, n in zip(layers, shown, strict=True)], 1)
        reach = drawn.abs().amax(0).clamp(min=1e-12)
        return as_bytes(drawn / reach, -1, 1).T.reshape(-1, _MAP_SIDE, _MAP_SIDE)

    def _grid(self, side: int) -> Tensor:
        left, right, bottom, top = self.limits
        x, y = np.linspace(left, right, side), np.linspace(top, bottom, side)
        points = np.stack([part.ravel() for part in np.meshgrid(x, y)], 1)
        return torch.from_numpy(self._problem.encode(points))


def layer_views(
    network: Network, rows: Examples, settings: TrainingSettings
) -> tuple[list[dict[str, Any]], float]:
    """What lies in the layers of a network, and its gradient, on some rows without dropout.

    Returns:
        Of each linear layer its "weights", "gradient" and the "values" that come out of it and its
        activation: "norm" (of values the root mean square), "low", "high", "bins", and of values
        the share that is "zero" for all rows; and the loss.
    """
    spec, gradient = network.spec, torch.zeros_like(network.parameters)
    passes = Passes(spec, network.parameters, gradient)
    logits = passes.forward(rows.inputs.unsqueeze(0))
    values = [layer[0].clone() for layer in [*passes.hidden_values, logits]]
    losses, logits_gradient = loss_to_train(settings)(logits, rows.targets.unsqueeze(0), None)
    loss = float(losses[0])
    passes.backward(logits_gradient)
    views = []
    for (weight, _), said in zip(spec.linear_layers, values, strict=True):
        view = {
            "weights": _histogram(weight.view(network.parameters)),
            "gradient": _histogram(weight.view(gradient)),
            "values": _histogram(said),
        }
        view["values"]["norm"] = float(said.square().mean().sqrt())
        view["values"]["zero"] = float((said == 0).all(0).float().mean())
        views.append(view)
    return views, loss


def drawn_weights(network: Network, shown: Sequence[Sequence[int]]) -> Floats:
    """Weights between the drawn neurons, layer after layer, each (inputs × outputs) in a row."""
    parts = [
        weights[0][list(inputs)][:, list(outputs)].flatten()
        for weights, inputs, outputs in zip(network.weights, shown[:-1], shown[1:], strict=True)
    ]
    return torch.cat(parts).float().numpy()


def weight_pictures(network: Network, image_shape: tuple[int, int]) -> Bytes:
    """First weights of some neurons as pictures, (neurons, height, width); 127.5 is zero."""
    weights = network.weights[0][0][:, :_MOST_FILTERS].T
    reach = weights.abs().amax(1, keepdim=True).clamp(min=1e-12)
    return as_bytes(weights / reach, -1, 1).reshape(-1, *image_shape)


class HeldOutRows:
    """What a network answers for some held-out rows.

    Args:
        problem: it has held-out rows, or the first training rows are taken.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        rows = problem.held_out or problem.examples
        most = _MOST_PICTURES if problem.image_shape is not None else _MOST_ANSWERS
        self._rows = rows.at(slice(most))

    @property
    def pictures(self) -> tuple[Bytes, Bytes]:
        """(rows, height, width), and the numbers of their classes; of images."""
        shape = self._problem.image_shape
        assert shape is not None
        pictures = self._rows.inputs.float()
        shown = as_bytes(pictures, 0, float(pictures.max())).reshape(-1, *shape)
        return shown, self._rows.targets.to(torch.uint8).numpy()

    def answers(self, network: Network) -> dict[str, NDArray[Any]]:
        """Answers, by what they are.

        Of images "guesses": the likeliest class and its probability; of classes "confusion": how
        often which, in rows, is taken for which; of numbers "pairs": the truth and the answer,
        standardised.
        """
        logits, targets = network.logits(self._rows.inputs)[0], self._rows.targets
        if self._problem.task == "numbers":
            pairs = torch.stack([targets.reshape(len(targets), -1)[:, 0], logits[:, 0]], 1)
            return {"pairs": pairs.float().numpy()}
        shares, classes = probabilities(logits).max(-1)
        if self._problem.image_shape is not None:
            guessed = np.stack([classes.to(torch.uint8).numpy(), as_bytes(shares)], 1)
            return {"guesses": guessed}
        number = len(self._problem.class_names)
        if number > MOST_CLASSES:
            return {}
        counts = torch.bincount(targets * number + classes, minlength=number * number)
        return {"confusion": counts.reshape(number, number).float().numpy()}


def _histogram(values: Tensor) -> dict[str, Any]:
    flat = values.detach().flatten()
    norm = float(torch.linalg.vector_norm(flat))
    flat = flat[:: -(-len(flat) // _MOST_NUMBERS)].float()
    flat = flat[flat.isfinite()]
    if not len(flat):
        return {"norm": norm, "low": None, "high": None, "bins": [0] * _NUM_BINS}
    low, high = float(flat.min()), float(flat.max())
    bins = torch.histc(flat, _NUM_BINS, low, high) if high > low else torch.zeros(_NUM_BINS)
    if high <= low:
        bins[_NUM_BINS // 2] = len(flat)
    return {"norm": norm, "low": low, "high": high, "bins": bins.int().tolist()}
