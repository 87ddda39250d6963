"""The networks of a model, with NumPy alone."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

BATCH_NORM_EPSILON = 1e-5
Array = Any  # numpy.ndarray


def mixed_outputs(
    document: Mapping[str, Any],
    arrays: Mapping[str, Array],
    numbers: Array,
    passed: Array,
    codes: Array,
) -> Array:
    """Outputs of all populations, mixed, (num_members, num_rows, num_outputs)."""
    networks, weights = document["networks"], document["weights"]
    outputs = [
        network_outputs(spec, arrays, f"{place}/" if place else "", numbers, passed, codes)
        for place, spec in enumerate(networks)
    ]
    if len(outputs) == 1:
        return outputs[0]
    task = document["targets"]["task"]
    if task == "regression":
        return sum(weight * z for weight, z in zip(weights, outputs, strict=True))
    if task == "multilabel":
        pairs = list(zip(np.log(weights), outputs, strict=True))
        is_there = [shift - np.logaddexp(0, -z) for shift, z in pairs]
        is_not = [shift - np.logaddexp(0, z) for shift, z in pairs]
        return np.logaddexp.reduce(is_there) - np.logaddexp.reduce(is_not)
    logs = [
        np.log(weight) + z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
        for weight, z in zip(weights, outputs, strict=True)
    ]
    return np.logaddexp.reduce(logs).astype(numbers.dtype)


def network_outputs(
    spec: Mapping[str, Any],
    arrays: Mapping[str, Array],
    stem: str,
    numbers: Array,
    passed: Array,
    codes: Array,
) -> Array:
    """Outputs of a population, whose arrays' names begin with the stem."""

    def array(name: str) -> Array:
        return arrays[stem + name].astype(numbers.dtype)

    members, count = len(arrays[f"{stem}linear_0.weight"]), numbers.shape[1]
    plain = np.hstack([numbers, passed]) * numbers.dtype.type(spec["input_scale"])
    if spec["standardize_inputs"]:
        plain = (plain - array("inputs.shift")) * array("inputs.scale")
    plain = np.broadcast_to(plain, (members, *plain.shape[-2:]))
    features = [plain[..., :count]]
    if spec["embedded_numbers"]:
        x = features[0].transpose(0, 2, 1)[..., None]  # (members, numbers, rows, 1)
        if spec["number_embedding"] == "piecewise":
            edges = array("numbers.edges")
            widths = np.diff(edges)
            slopes = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
            parts = (x - edges[..., :-1]) * slopes
            parts[..., 1:] = np.maximum(parts[..., 1:], 0)
            parts[..., :-1] = np.minimum(parts[..., :-1], 1)
            mixtures = parts @ array("numbers.weight")
        else:
            waves = np.cos(2 * np.pi * array("numbers.frequency") * x + array("numbers.phase"))
            mixtures = waves @ array("numbers.weight") + array("numbers.bias")
        width = mixtures.shape[1] * mixtures.shape[3]
        features.append(mixtures.transpose(0, 2, 1, 3).reshape(members, len(numbers), width))
    features.append(plain[..., count:])
    sizes, limit = spec["category_sizes"], spec["embedding_limit"]
    embedded = [c for c, size in enumerate(sizes) if not limit or size <= limit + 1]
    for name, columns, is_there in (
        ("categories.weight", embedded, embedded),
        ("categories.statistics", range(len(sizes)), spec["category_statistics"]),
    ):
        start = 0
        for column in columns if is_there else ():
            features.append(array(name)[:, codes[:, column] + start])
            start += sizes[column]
    values = np.concatenate(features, axis=-1)
    if spec["scale_layer"]:
        values = values * array("features.scale")
    num_hidden, names = len(spec["hidden_widths"]), spec["activation"].split(",")
    for layer in range(num_hidden + 1):
        values = values @ array(f"linear_{layer}.weight")
        if spec["batch_norm"] and layer < num_hidden:
            mean, variance, gain = (
                array(f"batch_norm_{layer}.{part}") for part in ("mean", "variance", "gain")
            )
            values = gain * (values - mean) / np.sqrt(variance + BATCH_NORM_EPSILON)
        values = values + array(f"linear_{layer}.bias")
        if layer < num_hidden:
            active = ACTIVATIONS[names[layer % len(names)]](values)
            if spec["learned_activation"]:
                active = values + array(f"activation_{layer}.strength") * (active - values)
            values = active
    return values


def _erf(x: Array) -> Array:
    """The error function, to 4e-8: x P(x²) / Q(x²) up to 4, where it is 1 within that."""
    x = np.clip(x, -4, 4)
    p = (1.97483338e-6, 2.88042103e-4, 0.00400365593, 0.0534675045, 0.196249150, 1.12837898)
    q = (3.74809352e-5, 0.00121636334, 0.0154444393, 0.116476502, 0.507252440, 1.0)
    return x * np.polyval(p, x * x) / np.polyval(q, x * x)


def _mish(z: Array) -> Array:
    power = np.exp(np.minimum(z, 20))
    product = power * (power + 2)
    return z * product / (product + 2)


ACTIVATIONS: dict[str, Any] = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "elu": lambda z: np.where(z < 0, np.expm1(np.minimum(z, 0)), z),
    "selu": lambda z: (
        1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(np.minimum(z, 0)), z)
    ),
    "gelu": lambda z: z * (0.5 + 0.5 * _erf(z * math.sqrt(0.5))),
    "silu": lambda z: z * (0.5 + 0.5 * np.tanh(0.5 * z)),
    "mish": _mish,
    "softplus": lambda z: np.logaddexp(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),
    "identity": lambda z: z,
}
