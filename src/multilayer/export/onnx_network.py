"""From the inputs of the networks to their outputs, in ONNX; all members at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.specification import (
    BATCH_NORM_EPSILON,
    CATEGORY_WIDTH,
    NetworkSpec,
)
from multilayer.export.onnx_activations import activated, softplus
from multilayer.export.onnx_columns import Inputs
from multilayer.export.onnx_graph import Graph, axes
from multilayer.model.mixing import Mixture, OutputKind

Parameters = Mapping[str, NDArray[np.float32]]


def network_outputs(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, inputs: Inputs, stem: str = ""
) -> str:
    """Outputs of the last layer, (num_members, num_rows, num_outputs).

    Args:
        graph: to add to.
        spec: the networks' shape.
        parameters: of all members by slot name, (num_members, …).
        inputs: what rows are encoded as.
        stem: goes before the names of the parameters.
    """
    values = _features(graph, spec, parameters, inputs, stem)
    if spec.scale_layer:
        values = graph(
            "Mul", values, graph.weights(f"{stem}features.scale", parameters["features.scale"])
        )
    for number in range(len(spec.hidden_widths) + 1):
        name = f"linear_{number}"
        weight, bias = (
            graph.weights(f"{stem}{name}.{part}", parameters[f"{name}.{part}"])
            for part in ("weight", "bias")
        )
        values = graph("MatMul", values, weight)
        if f"batch_norm_{number}.gain" in parameters:
            gain, mean, variance = (
                parameters[f"batch_norm_{number}.{part}"].astype(np.float64)
                for part in ("gain", "mean", "variance")
            )
            factor = (gain / np.sqrt(variance + BATCH_NORM_EPSILON)).astype(graph.dtype)
            values = graph("Mul", graph("Sub", values, mean.astype(graph.dtype)), factor)
        values = graph("Add", values, bias)
        if number == len(spec.hidden_widths):
            break
        active = activated(graph, spec.activations[number], values)
        strength = f"activation_{number}.strength"
        if strength in parameters:
            share = graph.weights(f"{stem}{strength}", parameters[strength])
            active = graph("Add", values, graph("Mul", graph("Sub", active, values), share))
        values = active
    return values


def mixed(graph: Graph, outputs: Sequence[str], mixture: Mixture, kind: OutputKind) -> str:
    """`model.mixing.mixed_outputs`: the outputs of one network that answers as the mixture does."""
    if kind == "numbers":
        parts = [
            graph("Mul", z, weight) for z, weight in zip(outputs, mixture.weights, strict=True)
        ]
        return graph("Sum", *parts)
    shifts = np.log(mixture.weights).tolist()
    if kind == "classes":
        parts = [graph("LogSoftmax", z, axis=-1) for z in outputs]
        return _log_of_sum(graph, parts, shifts)
    for_it, against = (
        [graph("Neg", softplus(graph, graph("Neg", z) if is_for else z)) for z in outputs]
        for is_for in (True, False)
    )
    return graph("Sub", _log_of_sum(graph, for_it, shifts), _log_of_sum(graph, against, shifts))


def _log_of_sum(graph: Graph, logarithms: Sequence[str], shifts: Sequence[float]) -> str:
    """The logarithm of a sum of which the logarithms of the terms are given."""
    terms = [graph("Add", part, shift) for part, shift in zip(logarithms, shifts, strict=True)]
    most = graph("Max", *terms)
    powers = [graph("Exp", graph("Sub", term, most)) for term in terms]
    return graph("Add", graph("Log", graph("Sum", *powers)), most)


def _features(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, inputs: Inputs, stem: str
) -> str:
    """What the first linear layer sees, before the scale layer."""
    num_plain = spec.num_inputs - len(spec.category_sizes)
    numbers, passed = (
        None if part is None else _standardized(graph, spec, parameters, part, columns)
        for part, columns in (
            (inputs.numbers, slice(0, inputs.num_numeric)),
            (inputs.passed, slice(inputs.num_numeric, num_plain)),
        )
    )
    parts = [part for part in (numbers, passed) if part is not None]
    if not (spec.embedded_numbers or spec.category_sizes):
        return graph.concat(parts, -1)
    if numbers is not None and spec.embedded_numbers:
        parts.insert(1, _embedded_numbers(graph, spec, parameters, numbers, stem))
    if spec.category_sizes:
        assert inputs.codes is not None
        parts += _embedded_categories(graph, spec, parameters, inputs.codes, stem)
    num_members = len(parameters["linear_0.weight"])
    in_full = [graph("Expand", part, axes(num_members, 1, 1)) for part in parts]
    return graph.concat(in_full, -1)


def _standardized(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, values: str, columns: slice
) -> str:
    if spec.input_scale != 1:
        values = graph("Mul", values, spec.input_scale)
    if not spec.standardize_inputs:
        return values
    shift, scale = (
        parameters[f"inputs.{part}"][..., columns].astype(graph.dtype)
        for part in ("shift", "scale")
    )
    return graph("Mul", graph("Sub", values, shift), scale)


def _embedded_numbers(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, numbers: str, stem: str
) -> str:
    """Mixtures of each number's components, (num_members, num_rows, n × mixtures)."""
    weight = graph.weights(f"{stem}numbers.weight", parameters["numbers.weight"])
    if spec.standardize_inputs:  # (num_members, num_rows, n)
        columns = graph("Transpose", numbers, perm=[0, 2, 1])
    else:
        columns = graph("Transpose", numbers, perm=[1, 0])
    columns = graph("Unsqueeze", columns, axes(-1))  # (…, n, num_rows, 1)
    if spec.number_embedding == "piecewise":
        edges = parameters["numbers.edges"].astype(graph.dtype)
        starts, widths = edges[..., :-1], np.diff(edges, axis=-1)
        slopes = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
        parts = graph("Mul", graph("Sub", columns, starts), slopes)
        lowest = np.array([-np.inf, *[0.0] * (spec.number_components - 1)], graph.dtype)
        highest = np.array([*[1.0] * (spec.number_components - 1), np.inf], graph.dtype)
        mixtures = graph("MatMul", graph("Min", graph("Max", parts, lowest), highest), weight)
    else:
        frequency = parameters["numbers.frequency"].astype(graph.dtype) * graph.dtype(2 * np.pi)
        phase = parameters["numbers.phase"].astype(graph.dtype)
        waves = graph("Cos", graph("Add", graph("Mul", columns, frequency), phase))
        bias = graph.weights(f"{stem}numbers.bias", parameters["numbers.bias"])
        mixtures = graph("Add", graph("MatMul", waves, weight), bias)
    width = spec.embedded_numbers * (spec.number_width - 1)
    return graph("Reshape", graph("Transpose", mixtures, perm=[0, 2, 1, 3]), axes(0, 0, width))


def _embedded_categories(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, codes: str, stem: str
) -> list[str]:
    """Learned values of the categories, and statistics of the targets, as far as there are any."""
    parts = []
    if spec.embedded_columns:
        embedded = codes
        if len(spec.embedded_columns) < len(spec.category_sizes):
            embedded = graph("Gather", codes, axes(*spec.embedded_columns), axis=1)
        parts.append(
            _looked_up(
                graph,
                f"{stem}categories.weight",
                parameters["categories.weight"],
                embedded,
                spec.embedded_sizes,
                CATEGORY_WIDTH,
            )
        )
    if spec.category_statistics:
        parts.append(
            _looked_up(
                graph,
                f"{stem}categories.statistics",
                parameters["categories.statistics"],
                codes,
                spec.category_sizes,
                spec.category_statistics,
            )
        )
    return parts


def _looked_up(
    graph: Graph, name: str, table: NDArray[np.float32], codes: str, sizes: tuple[int, ...],
    width: int,
) -> str:  # fmt: skip
    """The row of the table that each code names, (num_members, num_rows, num_columns × width)."""
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)[None]
    rows = graph("Gather", graph.weights(name, table), graph("Add", codes, starts), axis=1)
    return graph("Reshape", rows, axes(0, 0, len(sizes) * width))
