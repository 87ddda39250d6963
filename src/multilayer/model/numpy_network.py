"""The forward pass of one network in NumPy, for every `NetworkSpec`."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.one_hot_block import code_places, plain_parts
from multilayer.engine.spares import Spares
from multilayer.engine.specification import (
    BATCH_NORM_EPSILON,
    CATEGORY_WIDTH,
    NetworkSpec,
)
from multilayer.model.numpy_activations import NUMPY_ACTIVATIONS
from multilayer.model.numpy_numbers import mixtures_of

_ALIGNMENT_BYTES = 64  # a cache line

Array = NDArray[Any]


class _Buffers(NamedTuple):
    """Buffers for one call with `num_rows` rows."""

    num_rows: int
    hidden: list[Array]  # each (num_rows, width)
    features: Array  # (num_rows, num_features); without embeddings it has no columns


class NumPyNetwork:
    """Gives the outputs of `Network` to within 1e-5.

    Linear operations around a matrix product are folded into the matrix once: the scale of inputs
    and features, their standardization, batch norm with its running statistics.

    Also fast for single rows, where a NumPy call costs about as much as its arithmetic. Buffers are
    kept for each number of rows and each concurrent thread.

    Args:
        spec: the network's shape, with one version of `category_statistics`.
        parameters: of one member, by slot name, in the slots' shapes.
        dtype: of the computation, float32 or float64.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Mapping[str, NDArray[np.float32]],
        dtype: type[np.float32] | type[np.float64] = np.float32,
    ) -> None:
        self._spec = spec
        self._dtype: Any = dtype
        self._parameters: dict[str, Array] = {
            name: np.asarray(values, dtype) for name, values in parameters.items()
        }
        self._activations = [NUMPY_ACTIVATIONS[name] for name in spec.activations]
        self._is_embedded = bool(spec.embedded_numbers or spec.category_sizes)
        self._layers = [self._folded(number) for number in range(len(spec.linear_layers))]
        self._strengths = [
            self._parameters.get(f"activation_{number}.strength")
            for number in range(len(spec.hidden_widths))
        ]
        self._starts = _starts(spec.category_sizes)
        self._embedded_starts = _starts(spec.embedded_sizes)
        blocks = spec.one_hot_blocks
        self._plain_parts = list(plain_parts(spec.num_inputs, blocks))
        self._blocks = [
            (row_place, block.place, np.array(block.absent, dtype), np.array(block.present, dtype))
            for row_place, block in zip(code_places(blocks), blocks, strict=True)
        ]
        self._spare_buffers: Spares[_Buffers] = Spares()

    def logits(self, inputs: Array, out: Array | None = None) -> Array:
        """Outputs of the last layer; thread-safe.

        Args:
            inputs: (num_rows, row_width), of the network's dtype, left unchanged.
            out: written to if given, (num_rows, num_outputs), contiguous, of the network's dtype.

        Returns:
            (num_rows, num_outputs).
        """
        buffers = self._spare_buffers.take()
        if buffers is None or len(inputs) != buffers.num_rows:
            buffers = self._new_buffers(len(inputs))
        if self._blocks:
            inputs = self._expanded(inputs)
        values = self._embed(inputs, buffers.features) if self._is_embedded else inputs
        for (weight, bias), activate, strength, hidden in zip(
            self._layers, self._activations, self._strengths, buffers.hidden, strict=False
        ):
            values = values.dot(weight, hidden)
            values += bias
            if strength is None:
                activate(values)
            else:
                _mix_activation(values, activate, strength)
        weight, bias = self._layers[-1]
        answers = values.dot(weight, out)
        answers += bias
        self._spare_buffers.give_back(buffers)
        return answers

    def _new_buffers(self, num_rows: int) -> "_Buffers":
        features = (num_rows, self._spec.num_features if self._is_embedded else 0)
        return _Buffers(
            num_rows,
            [np.empty((num_rows, width), self._dtype) for width in self._spec.hidden_widths],
            np.empty(features, self._dtype),
        )

    def _expanded(self, rows: Array) -> Array:
        """Expand blocks of one-hot columns; see `engine.layers.inputs.OneHotExpansion`."""
        inputs = np.empty((len(rows), self._spec.num_inputs), self._dtype)
        for row_part, part in self._plain_parts:
            inputs[:, part] = rows[:, row_part]
        for row_place, place, absent, present in self._blocks:
            inputs[:, place : place + len(absent)] = absent
            codes = rows[:, row_place].astype(np.int64)
            seen = np.flatnonzero(codes)
            columns = codes[seen] - 1
            inputs[seen, place + columns] = present[columns]
        return inputs

    def _embed(self, inputs: Array, features: Array) -> Array:
        """Write the embedded rows to `features`; see `engine.layers.embeddings`."""
        spec, parameters = self._spec, self._parameters
        values = inputs * self._dtype(spec.input_scale)
        if spec.standardize_inputs:
            values = (values - parameters["inputs.shift"]) * parameters["inputs.scale"]
        columns = spec.embedded_numbers
        numbers_to = spec.number_width * columns
        passed_to = numbers_to + spec.num_passthrough
        if columns:
            numbers = values[:, :columns]
            mixtures = mixtures_of(numbers.T[:, :, None], parameters)
            features[:, :columns] = numbers
            features[:, columns:numbers_to] = mixtures.transpose(1, 0, 2).reshape(
                len(values), numbers_to - columns
            )
        codes_from = columns + spec.num_passthrough
        features[:, numbers_to:passed_to] = values[:, columns:codes_from]
        if spec.category_sizes:
            codes = values[:, codes_from:].astype(np.int64)
            embedded_to = passed_to + CATEGORY_WIDTH * len(spec.embedded_columns)
            if spec.embedded_columns:
                is_every = len(spec.embedded_columns) == codes.shape[1]
                rows = codes if is_every else codes[:, spec.embedded_columns]
                rows = rows + self._embedded_starts
                features[:, passed_to:embedded_to] = parameters["categories.weight"][rows].reshape(
                    len(rows), embedded_to - passed_to
                )
            if spec.category_statistics:
                codes += self._starts
                features[:, embedded_to:] = parameters["categories.statistics"][codes].reshape(
                    len(codes), features.shape[1] - embedded_to
                )
        return features

    def _folded(self, number: int) -> tuple[Array, Array]:
        """A layer's matrix and bias with the linear operations around it; computed in float64."""
        parameters = {
            name.rpartition(".")[2]: np.asarray(values, np.float64)
            for name, values in self._parameters.items()
            if name.startswith((f"linear_{number}.", f"batch_norm_{number}."))
        }
        weight, bias = parameters["weight"], parameters["bias"]
        if number == 0:
            if self._spec.scale_layer:
                weight = self._parameters["features.scale"].T * weight
            if not self._is_embedded:
                weight, offset = self._with_inputs_scaled(weight)
                bias = bias - offset
        if "gain" in parameters:
            factor = parameters["gain"] / np.sqrt(parameters["variance"] + BATCH_NORM_EPSILON)
            # With batch norm a layer's bias is added after it, but the offset above is not.
            own_bias, offset = parameters["bias"], bias - parameters["bias"]
            weight, bias = weight * factor, own_bias + (offset - parameters["mean"]) * factor
        return _aligned(weight.astype(self._dtype)), bias.astype(self._dtype)

    def _with_inputs_scaled(
        self, weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The matrix for raw inputs, and the offset: (c x − m) s W = x (c s W) − m s W."""
        offset = np.zeros((1, weight.shape[1]))
        if self._spec.standardize_inputs:
            weight = self._parameters["inputs.scale"].T.astype(np.float64) * weight
            offset = self._parameters["inputs.shift"].astype(np.float64) @ weight
        return weight * self._spec.input_scale, offset


def _starts(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Where the rows of each column begin in a table that holds them one after the other."""
    return np.array([sum(sizes[:column]) for column in range(len(sizes))], np.int64)


def _aligned(matrix: Array) -> Array:
    """A copy aligned to a cache line, which makes products a tenth faster."""
    memory = np.empty(matrix.nbytes + _ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT_BYTES
    copy = memory[start : start + matrix.nbytes].view(matrix.dtype).reshape(matrix.shape)
    copy[:] = matrix
    return copy


def _mix_activation(values: Array, activate: Callable[[Array], None], strength: Array) -> None:
    """(1 − α) z + α σ(z), in place."""
    difference = values.copy()
    activate(difference)
    difference -= values
    difference *= strength
    values += difference
