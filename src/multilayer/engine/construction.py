"""Which layers a network is made of, over parameters and buffers that are made once."""

from collections.abc import Iterator
from math import prod

from torch import Tensor

from multilayer.engine.activations import ACTIVATIONS
from multilayer.engine.layers import Layer
from multilayer.engine.layers.activation import ActivationLayer, LearnedActivation
from multilayer.engine.layers.batch_norm import BatchNorm, BatchNormParameters
from multilayer.engine.layers.dropout import Dropout, DropoutPlan
from multilayer.engine.layers.embeddings import (
    CategoryEmbedding,
    ColumnFeatures,
    NumberEmbedding,
    NumberLayer,
    NumberParameters,
)
from multilayer.engine.layers.inputs import OneHotExpansion, Scaling, Standardization
from multilayer.engine.layers.linear import FeatureScale, Linear
from multilayer.engine.layers.piecewise import PiecewiseEmbedding
from multilayer.engine.layers.statistics import CategoryStatistics
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.whole_batch import WholeBatch

FirstLayer = Scaling | OneHotExpansion


class Construction:
    """Builds a network's layers; those of all batch sizes lie over the same memory.

    Args:
        spec: the network's shape.
        parameters: (num_members, num_parameters); the layers hold views of it.
        gradient: same shape; None for passes without gradients.
        dropout: None leaves nothing out.
        whole: the batch that ranks divide; None: they do not.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Tensor,
        gradient: Tensor | None,
        dropout: DropoutPlan | None,
        whole: WholeBatch | None = None,
    ) -> None:
        self._spec, self._parameters, self._gradient = spec, parameters, gradient
        self._dropout, self._whole = dropout, whole
        self._is_embedded = bool(spec.embedded_numbers or spec.category_sizes)
        self._memory: dict[str, Tensor] = {}

    def layers(self, num_row_sets: int, batch_size: int) -> tuple[FirstLayer, list[Layer]]:
        """For batches (num_row_sets, batch_size, row_width): the first layer, and the others."""
        spec = self._spec
        layers = list(self._features(batch_size))
        for number in range(len(spec.hidden_widths)):
            layers += [self._linear(number, batch_size), *self._hidden(number, batch_size)]
        layers.append(self._linear(len(spec.hidden_widths), batch_size))
        return self._first(num_row_sets, batch_size), layers

    def _first(self, num_row_sets: int, batch_size: int) -> FirstLayer:
        spec = self._spec
        outputs = self._buffer("scaled", num_row_sets, batch_size, spec.num_inputs)
        if spec.one_hot_blocks:
            return OneHotExpansion(spec.num_inputs, spec.one_hot_blocks, outputs)
        return Scaling(spec.input_scale, outputs)

    def _features(self, batch_size: int) -> Iterator[Layer]:
        """What lies before the first linear layer."""
        spec = self._spec
        if spec.standardize_inputs:
            outputs = self._members("standardized", batch_size, spec.num_inputs)
            shift, scale = self._parameter("inputs.shift"), self._parameter("inputs.scale")
            yield Standardization(shift, scale, outputs)
        if self._is_embedded:
            numbers = self._numbers(batch_size) if spec.embedded_numbers else None
            categories = self._categories() if spec.embedded_columns else None
            features = self._members("features", batch_size, spec.num_features)
            statistics = self._statistics() if spec.category_statistics else None
            yield ColumnFeatures(numbers, spec.num_passthrough, categories, features, statistics)
        if self._dropout is not None and self._dropout.input_share:
            outputs = self._members("kept features", batch_size, spec.num_features)
            mask = self._members("mask of features", batch_size, spec.num_features)
            shares = [self._dropout.input_share] * len(self._parameters)
            yield Dropout(self._dropout, shares, mask, outputs)
        if spec.scale_layer:
            outputs = self._members("scaled features", batch_size, spec.num_features)
            scale, gradient = self._learned("features.scale")
            yield FeatureScale(scale, outputs, gradient, is_first=not self._is_embedded)

    def _numbers(self, batch_size: int) -> NumberLayer:
        spec = self._spec
        columns, parts = spec.embedded_numbers, spec.number_components
        numbers = self._members("numbers", columns, 1, batch_size)
        mixtures = self._members("mixtures", columns, spec.number_width - 1, batch_size)
        if spec.number_embedding == "piecewise":
            edges, components = self._parameter("numbers.edges"), (columns, parts, batch_size)
            weight, gradient = self._learned("numbers.weight")
            buffers = numbers, self._members("components", *components), mixtures
            return PiecewiseEmbedding(edges, weight, *buffers, gradient)
        names = [f"numbers.{name}" for name in ("frequency", "phase", "weight", "bias")]
        return NumberEmbedding(
            NumberParameters(*map(self._parameter, names)),
            numbers,
            self._members("arguments", columns, parts, batch_size),
            self._members("cosines", columns, parts, batch_size),
            mixtures,
            None if self._gradient is None else NumberParameters(*map(self._gradient_of, names)),
        )

    def _categories(self) -> CategoryEmbedding:
        spec, table = self._spec, self._learned("categories.weight")
        is_every = len(spec.embedded_columns) == len(spec.category_sizes)
        columns = None if is_every else spec.embedded_columns
        return CategoryEmbedding(spec.embedded_sizes, *table, columns)

    def _statistics(self) -> CategoryStatistics:
        table = self._parameter("categories.statistics")
        return CategoryStatistics(self._spec.category_sizes, table)

    def _linear(self, number: int, batch_size: int) -> Linear:
        fan_in, fan_out = self._spec.slots[f"linear_{number}.weight"].shape
        weight, weight_gradient = self._learned(f"linear_{number}.weight")
        bias, bias_gradient = self._learned(f"linear_{number}.bias")
        input_gradient = None
        is_asked_for = number > 0 or self._is_embedded or self._spec.scale_layer
        if self._gradient is not None and is_asked_for:
            input_gradient = self._members(f"gradient {number}", batch_size, fan_in)
        return Linear(
            weight,
            None if self._has_batch_norm(number) else bias,
            self._members(f"outputs {number}", batch_size, fan_out),
            weight_gradient,
            bias_gradient,
            input_gradient,
        )

    def _has_batch_norm(self, number: int) -> bool:
        return self._spec.batch_norm and number < len(self._spec.hidden_widths)

    def _hidden(self, number: int, batch_size: int) -> Iterator[Layer]:
        """What lies between a linear layer and the next."""
        width = self._spec.hidden_widths[number]

        def buffer(name: str) -> Tensor:
            return self._members(f"{name} {number}", batch_size, width)

        if self._has_batch_norm(number):
            names = [f"batch_norm_{number}.{name}" for name in ("gain", "mean", "variance")]
            names.insert(1, f"linear_{number}.bias")
            gradients = (
                None
                if self._gradient is None
                else BatchNormParameters(*map(self._gradient_of, names))
            )
            parameters = BatchNormParameters(*map(self._parameter, names))
            yield BatchNorm(parameters, buffer("standardized"), gradients, self._whole)
        activation = ACTIVATIONS[self._spec.activations[number]]
        has_slopes = self._gradient is not None and activation.forward_with_slope is not None
        slopes = buffer("slopes") if has_slopes else None
        if self._spec.learned_activation:
            strength, gradient = self._learned(f"activation_{number}.strength")
            buffers = buffer("activated"), buffer("difference"), buffer("mixed")
            yield LearnedActivation(activation, strength, *buffers, gradient, slopes)
        elif self._gradient is None or activation.from_output:
            yield ActivationLayer(activation)
        else:
            yield ActivationLayer(activation, buffer("activated"), slopes)
        if self._dropout is not None and any(self._dropout.shares):
            yield Dropout(self._dropout, self._dropout.shares, buffer("mask"), buffer("kept"))

    def _learned(self, name: str) -> tuple[Tensor, Tensor | None]:
        """A slot's part of the parameters and of the gradient, if there is one."""
        return self._parameter(name), None if self._gradient is None else self._gradient_of(name)

    def _parameter(self, name: str) -> Tensor:
        return without_dimension_of_one(self._spec.slots[name].view(self._parameters))

    def _gradient_of(self, name: str) -> Tensor:
        assert self._gradient is not None
        return without_dimension_of_one(self._spec.slots[name].view(self._gradient))

    def _members(self, name: str, *shape: int) -> Tensor:
        """A tensor of that shape for each member."""
        return self._buffer(name, len(self._parameters), *shape)

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor at the start of the memory with that name."""
        size = prod(shape)
        memory = self._memory.get(name)
        if memory is None or len(memory) < size:
            memory = self._memory[name] = self._parameters.new_empty(size)
        return without_dimension_of_one(memory[:size].view(shape))


def without_dimension_of_one(tensor: Tensor) -> Tensor:
    """Plain matrices in place of a stack of one: their products are faster."""
    return tensor[0] if len(tensor) == 1 else tensor
