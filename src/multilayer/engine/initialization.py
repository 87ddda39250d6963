"""First values of a network's weights, drawn at random."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from multilayer.engine.randomness import generator
from multilayer.engine.specification import NetworkSpec

_DRAWN = torch.float32  # whatever PyTorch's default is, so that a seed stands for one network


def linear(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights and biases from U(−1/√inputs, 1/√inputs), as torch.nn.Linear draws them."""
    bound = 1 / math.sqrt(num_inputs)
    return (
        _uniform((num_inputs, num_outputs), bound, source),
        _uniform((1, num_outputs), bound, source),
    )


def normal(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from N(0, 0.01²), the chapter's from-scratch network; biases 0."""
    weight = torch.randn(num_inputs, num_outputs, generator=source, dtype=_DRAWN).mul_(0.01)
    return weight, torch.zeros(1, num_outputs, dtype=_DRAWN)


def glorot(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from U(−r, r), r = √(6 / (inputs + outputs)); biases 0 (Glorot and Bengio, 2010)."""
    bound = math.sqrt(6 / (num_inputs + num_outputs))
    return _uniform((num_inputs, num_outputs), bound, source), torch.zeros(
        1, num_outputs, dtype=_DRAWN
    )


def he(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from N(0, 2 / inputs); biases 0 (He et al., 2015)."""
    weight = torch.randn(num_inputs, num_outputs, generator=source, dtype=_DRAWN)
    return weight.mul_(math.sqrt(2 / num_inputs)), torch.zeros(1, num_outputs, dtype=_DRAWN)


def unit_variance(num_inputs: int, num_outputs: int, source: Generator) -> tuple[Tensor, Tensor]:
    """Weights from N(0, 1 / inputs); biases 0: where fitting them to rows begins."""
    weight = torch.randn(num_inputs, num_outputs, generator=source, dtype=_DRAWN)
    return weight.mul_(1 / math.sqrt(num_inputs)), torch.zeros(1, num_outputs, dtype=_DRAWN)


INITIALIZATIONS: dict[str, Callable[[int, int, Generator], tuple[Tensor, Tensor]]] = {
    "linear": linear,
    "normal": normal,
    "glorot": glorot,
    "he": he,
    "data": unit_variance,
}


def draw_parameters(
    spec: NetworkSpec,
    initialization: str,
    seed: int,
    flat: Tensor,
    embedding_frequency: float = 0.1,
) -> None:
    """Write first values into a member's parameters, flat (1, num_parameters).

    Linear layers are drawn from the generator with the address (seed, "init"), embeddings from
    (seed, "init embeddings"): those of numbers as Holzmüller et al. (2024) have them, with
    frequencies from N(0, `embedding_frequency`²), those of categories from N(0, 1). Mixtures of
    bins begin at 0, as TabM's do; their edges lie evenly over the range of encoded numbers, −3 to
    3, until rows say where they belong. What scales begins at 1, what shifts at 0. Draws are made
    in float32, so that float64 parameters are the same numbers.
    """
    source = generator(seed, "init")
    for weight, bias in spec.linear_layers:
        num_inputs, num_outputs = weight.shape
        values = INITIALIZATIONS[initialization](num_inputs, num_outputs, source)
        for slot, value in zip((weight, bias), values, strict=True):
            slot.view(flat).copy_(value)
    source, mixing_bound = generator(seed, "init embeddings"), 1 / math.sqrt(spec.number_components)
    for slot in spec.parameter_slots:
        match slot.name.split("."):
            case "numbers", "frequency":
                value = torch.randn(slot.shape, generator=source, dtype=_DRAWN)
                value.mul_(embedding_frequency)
            case "numbers", "edges":
                value = torch.linspace(-3, 3, slot.shape[-1], dtype=_DRAWN).expand(slot.shape)
            case "numbers", "phase":
                value = _uniform(slot.shape, math.pi, source)
            case "numbers", _ if spec.number_embedding == "periodic":
                value = _uniform(slot.shape, mixing_bound, source)
            case "categories", "weight":
                value = torch.randn(slot.shape, generator=source, dtype=_DRAWN)
            case _, "scale" | "gain" | "variance" | "strength":
                value = torch.ones(slot.shape, dtype=_DRAWN)
            case _:
                continue
        slot.view(flat).copy_(value)


def _uniform(shape: tuple[int, ...], bound: float, source: Generator) -> Tensor:
    return torch.rand(shape, generator=source, dtype=_DRAWN).mul_(2 * bound).sub_(bound)
