"""The source of a PyTorch module for networks of given shapes, and its state."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.specification import ActivationName, NetworkSpec
from multilayer.model.mixing import OutputKind

_ACTIVATIONS: dict[ActivationName, str] = {
    "relu": "nn.ReLU()", "leaky_relu": "nn.LeakyReLU(0.01)", "elu": "nn.ELU()",
    "selu": "nn.SELU()", "gelu": "nn.GELU()", "silu": "nn.SiLU()", "mish": "nn.Mish()",
    "softplus": "nn.Softplus()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()",
    "identity": "nn.Identity()",
}  # fmt: skip
_IMPORTS = """from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

"""
_LEARNED = '''
class Learned(nn.Module):
    """(1 − α) z + α σ(z), α learned for each neuron."""

    def __init__(self, activation, width):
        super().__init__()
        self.activation, self.strength = activation, nn.Parameter(torch.ones(width))

    def forward(self, z):
        return z + self.strength * (self.activation(z) - z)

'''
_LOAD = '''
def load():
    """The network with its weights, of the file beside this one."""
    network = Network()
    network.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return network.eval()
'''
_MIXING: dict[OutputKind, str] = {
    "numbers": "(weights * outputs).sum(0)",
    "classes": "(weights.log() + outputs.log_softmax(-1)).logsumexp(0)",
    "labels": "(weights.log() + nn.functional.logsigmoid(outputs)).logsumexp(0) - (\n"
    "            weights.log() + nn.functional.logsigmoid(-outputs)\n        ).logsumexp(0)",
}


def module_source(
    docstring: str, specs: Sequence[NetworkSpec], weights: Sequence[float], num_members: int,
    kind: OutputKind,
) -> str:  # fmt: skip
    """A Python file that defines the networks and loads them.

    Args:
        docstring: of the file.
        specs: shape of each population.
        weights: of the populations; one where there is one.
        num_members: of each population.
        kind: what the outputs are.
    """
    names = [f"Member{number}" if number else "Member" for number in range(len(specs))]
    has_learned = any(spec.learned_activation for spec in specs)
    parts = [f'"""{docstring}"""\n\n', _IMPORTS, _LEARNED * has_learned]
    parts += [_member(spec, name) for spec, name in zip(specs, names, strict=True)]
    members = [f"nn.ModuleList({name}() for _ in range({num_members}))" for name in names]
    lines = [
        "", "class Network(nn.Module):",
        '    """All networks; gives outputs of shape (members, rows, outputs)."""', "",
        "    def __init__(self):", "        super().__init__()",
    ]  # fmt: skip
    if len(specs) == 1:
        lines += [f"        self.members = {members[0]}", "", "    def forward(self, x):"]
        lines += ["        return torch.stack([member(x) for member in self.members])", "", ""]
    else:
        lines += ["        self.populations = nn.ModuleList(["]
        lines += [f"            {one}," for one in members]
        lines += ["        ])", "", "    def forward(self, x):", "        outputs = torch.stack(["]
        lines += ["            torch.stack([member(x) for member in members])"]
        lines += ["            for members in self.populations", "        ])"]
        lines += [f"        weights = outputs.new_tensor({list(weights)}).view(-1, 1, 1, 1)"]
        lines += [f"        return {_MIXING[kind]}", "", ""]
    return "".join(parts) + "\n".join(lines) + _LOAD


def state_of(
    spec: NetworkSpec, parameters: Mapping[str, NDArray[np.float32]], stem: str
) -> dict[str, NDArray[np.float32]]:
    """The state of a population's module, as `module_source` names it.

    Args:
        spec: the shape.
        parameters: of all members by slot name, (num_members, …).
        stem: of the names, such as "members".
    """
    state = {}
    for member in range(len(parameters["linear_0.weight"])):
        for name, values in _state(spec, {n: p[member] for n, p in parameters.items()}):
            state[f"{stem}.{member}.{name}"] = np.ascontiguousarray(values, np.float32)
    return state


def _state(
    spec: NetworkSpec, parameters: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    if spec.standardize_inputs:
        yield "shift", parameters["inputs.shift"][0]
        yield "scale", parameters["inputs.scale"][0]
    for name in ("frequency", "phase", "bias", "edges", "weight"):
        if f"numbers.{name}" in parameters:
            yield f"numbers_{name}", parameters[f"numbers.{name}"]
    if spec.embedded_columns:
        yield "embedding.weight", parameters["categories.weight"]
    if spec.category_statistics:
        yield "statistics", parameters["categories.statistics"]
    if spec.scale_layer:
        yield "features_scale", parameters["features.scale"][0]
    place = 0
    for number in range(len(spec.hidden_widths) + 1):
        is_last = number == len(spec.hidden_widths)
        yield f"layers.{place}.weight", parameters[f"linear_{number}.weight"].T
        bias = parameters[f"linear_{number}.bias"][0]
        if spec.batch_norm and not is_last:
            place += 1
            yield f"layers.{place}.weight", parameters[f"batch_norm_{number}.gain"][0]
            yield f"layers.{place}.running_mean", parameters[f"batch_norm_{number}.mean"][0]
            yield f"layers.{place}.running_var", parameters[f"batch_norm_{number}.variance"][0]
        yield f"layers.{place}.bias", bias
        if spec.learned_activation and not is_last:
            yield f"layers.{place + 1}.strength", parameters[f"activation_{number}.strength"][0]
        place += 2


def _member(spec: NetworkSpec, name: str) -> str:
    """The class of one network."""
    made: list[str] = []  # lines of __init__
    used: list[str] = []  # lines of forward
    n, parts, mixtures = spec.embedded_numbers, spec.number_components, spec.number_width - 1
    codes_from = spec.num_inputs - len(spec.category_sizes)
    if spec.input_scale != 1:
        used.append(f"x = x.to(self.layers[0].weight.dtype) * {spec.input_scale!r}")
    if spec.standardize_inputs:
        made += [f'self.register_buffer("{one}", torch.zeros({spec.num_inputs}))'
                 for one in ("shift", "scale")]  # fmt: skip
        used.append("x = (x - self.shift) * self.scale")
    is_embedded = bool(n or spec.category_sizes)
    if is_embedded:
        used.append("features = []")
    if n:
        shapes = {"weight": (n, parts, mixtures)}
        if spec.number_embedding == "piecewise":
            shapes["edges"] = (n, 1, parts + 1)
            embed = [
                "start, width = self.numbers_edges[..., :-1], self.numbers_edges.diff(dim=-1)",
                "parts = torch.where(width > 0, (numbers - start) / width, 0.0)",
                "parts[..., 1:] = parts[..., 1:].clamp(min=0)",
                "parts[..., :-1] = parts[..., :-1].clamp(max=1)",
                "mixtures = parts @ self.numbers_weight",
            ]
        else:
            shapes |= {"frequency": (n, 1, parts), "phase": (n, 1, parts), "bias": (n, 1, mixtures)}
            embed = [
                "turns = 2 * torch.pi * numbers * self.numbers_frequency",
                "waves = torch.cos(turns + self.numbers_phase)",
                "mixtures = waves @ self.numbers_weight + self.numbers_bias",
            ]
        made += [
            f"self.numbers_{one} = nn.Parameter(torch.zeros{shape})"
            for one, shape in shapes.items()
        ]
        used.append(f"numbers = x[:, :{n}].T[:, :, None]  # (columns, rows, 1)")
        used += [*embed, f"features += [x[:, :{n}], mixtures.transpose(0, 1).flatten(1)]"]
    if is_embedded:
        used.append(f"features.append(x[:, {n}:{codes_from}])")
    if spec.category_sizes:
        used.append(f"codes = x[:, {codes_from}:].long()")
    if spec.embedded_columns:
        sizes = spec.embedded_sizes
        made.append(f"self.embedding = nn.Embedding({sum(sizes)}, 8)")
        used += [
            f"rows = codes[:, {list(spec.embedded_columns)}] + codes.new_tensor({_starts(sizes)})",
            "features.append(self.embedding(rows).flatten(1))",
        ]
    if spec.category_statistics:
        shape = f"{sum(spec.category_sizes)}, {spec.category_statistics}"
        made.append(f'self.register_buffer("statistics", torch.zeros({shape}))')
        used += [
            f"rows = codes + codes.new_tensor({_starts(spec.category_sizes)})",
            "features.append(self.statistics[rows].flatten(1))",
        ]
    if is_embedded:
        used.append("x = torch.cat(features, dim=1)")
    if spec.scale_layer:
        made.append(f"self.features_scale = nn.Parameter(torch.ones({spec.num_features}))")
        used.append("x = x * self.features_scale")
    made += ["self.layers = nn.Sequential(", *(f"    {one}," for one in _layers(spec)), ")"]
    used.append("return self.layers(x)")
    lines = [
        "",
        f"class {name}(nn.Module):",
        '    """One network."""',
        "",
        "    def __init__(self):",
    ]
    lines += ["        super().__init__()", *(f"        {line}" for line in made), ""]
    lines += ["    def forward(self, x):", *(f"        {line}" for line in used), ""]
    return "\n".join(lines) + "\n"


def _layers(spec: NetworkSpec) -> Iterator[str]:
    widths = (spec.num_features, *spec.hidden_widths, spec.num_outputs)
    for number, (fan_in, fan_out) in enumerate(pairwise(widths)):
        if number == len(spec.hidden_widths):
            yield f"nn.Linear({fan_in}, {fan_out})"
            return
        if spec.batch_norm:
            yield f"nn.Linear({fan_in}, {fan_out}, bias=False)"
            yield f"nn.BatchNorm1d({fan_out}, track_running_stats=True)"
        else:
            yield f"nn.Linear({fan_in}, {fan_out})"
        activation = _ACTIVATIONS[spec.activations[number]]
        yield f"Learned({activation}, {fan_out})" if spec.learned_activation else activation


def _starts(sizes: tuple[int, ...]) -> list[int]:
    return [sum(sizes[:column]) for column in range(len(sizes))]
