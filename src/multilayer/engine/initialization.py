"""First values of a linear layer's weights and biases."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor


def linear(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights and biases from U(−1/√inputs, 1/√inputs), as torch.nn.Linear draws them."""
    bound = 1 / math.sqrt(num_inputs)
    return (
        _uniform((num_inputs, num_outputs), bound, source),
        _uniform((1, num_outputs), bound, source),
    )


def normal(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from N(0, 0.01²), the chapter's from-scratch network; biases 0."""
    weight = torch.randn(num_inputs, num_outputs, generator=source).mul_(0.01)
    return weight, torch.zeros(1, num_outputs)


def glorot(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from U(−r, r), r = √(6 / (inputs + outputs)); biases 0 (Glorot and Bengio, 2010)."""
    bound = math.sqrt(6 / (num_inputs + num_outputs))
    return _uniform((num_inputs, num_outputs), bound, source), torch.zeros(1, num_outputs)


def he(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from N(0, 2 / inputs); biases 0 (He et al., 2015)."""
    weight = torch.randn(num_inputs, num_outputs, generator=source)
    return weight.mul_(math.sqrt(2 / num_inputs)), torch.zeros(1, num_outputs)


INITIALIZATIONS: dict[str, Callable[[int, int, Generator], tuple[Tensor, Tensor]]] = {
    "linear": linear,
    "normal": normal,
    "glorot": glorot,
    "he": he,
}


def _uniform(shape: tuple[int, int], bound: float, source: Generator) -> Tensor:
    return torch.rand(shape, generator=source).mul_(2 * bound).sub_(bound)
