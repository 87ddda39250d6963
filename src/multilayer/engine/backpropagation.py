"""Forward and backward pass through the whole network, in buffers that are made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import Generator, Tensor

from multilayer.engine.activations import ACTIVATIONS
from multilayer.engine.layers import ActivationLayer, Descent, Dropout, Linear, Scaling
from multilayer.engine.specification import NetworkSpec

Layer = Linear | ActivationLayer | Dropout


@dataclass(frozen=True)
class DropoutPlan:
    """How much each member leaves out of its hidden layers, and where its masks come from."""

    shares: Sequence[float]
    sources: Sequence[Generator]


class Passes:
    """The layers of a network, laid out for each batch size that occurs.

    The ragged last batch of an epoch, or of the rows to predict, gets layers of its own over the
    same memory, so that every batch runs through the same code.

    Args:
        spec: the network's shape.
        parameters: (num_members, num_parameters); the layers hold views of it.
        gradient: same shape, filled by `backward`; None for passes without gradients.
        dropout: for training; None leaves nothing out.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Tensor,
        gradient: Tensor | None = None,
        dropout: DropoutPlan | None = None,
    ) -> None:
        self._spec = spec
        self._parameters = parameters
        self._gradient = gradient
        self._dropout = dropout
        self._memory: dict[str, Tensor] = {}
        self._layers: dict[tuple[int, int], tuple[Scaling, list[Layer]]] = {}
        self._current: list[Layer] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            inputs: (num_members, batch, num_inputs), or (1, batch, num_inputs) for rows that all
                members share; of any number type. They must stay unchanged until `backward` is
                done.

        Returns:
            (num_members, batch, num_outputs), in memory that the next call may overwrite.
        """
        num_row_sets, batch_size, _ = inputs.shape
        if (num_row_sets, batch_size) not in self._layers:
            self._layers[num_row_sets, batch_size] = self._build(num_row_sets, batch_size)
        scaling, self._current = self._layers[num_row_sets, batch_size]
        values = scaling.forward(_without_dimension_of_one(inputs))
        if num_row_sets < len(self._parameters):
            values = values.expand(len(self._parameters), -1, -1)
        for layer in self._current:
            values = layer.forward(values)
        return values.view(len(self._parameters), batch_size, -1)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> None:
        """Go back through the layers; call after `forward` on the same batch.

        Args:
            gradient: ∂loss/∂logits, (num_members, batch, num_outputs); may be overwritten.
            descent: None fills the flat gradient; otherwise gradient descent's step is taken.
        """
        flowing: Tensor | None = _without_dimension_of_one(gradient)
        for layer in reversed(self._current):
            assert flowing is not None
            flowing = layer.backward(flowing, descent)

    @property
    def hidden_values(self) -> list[Tensor]:
        """What each hidden layer said in the last `forward`, (num_members, batch, width).

        They lie in memory that the next call may overwrite.
        """
        linear = [layer for layer in self._current if isinstance(layer, Linear)]
        return [
            layer.inputs.view(len(self._parameters), -1, layer.inputs.shape[-1])
            for layer in linear[1:]
        ]

    def _build(self, num_row_sets: int, batch_size: int) -> tuple[Scaling, list[Layer]]:
        scaled = self._buffer("scaled", num_row_sets, batch_size, self._spec.num_inputs)
        layers: list[Layer] = []
        for number, (weight, bias) in enumerate(self._spec.linear_layers):
            fan_in, fan_out = weight.shape
            if number > 0:
                layers += self._build_hidden(number, batch_size, fan_in)
            linear = Linear(
                _without_dimension_of_one(weight.view(self._parameters)),
                _without_dimension_of_one(bias.view(self._parameters)),
                self._member_buffer(f"outputs {number}", batch_size, fan_out),
            )
            if self._gradient is not None:
                linear.weight_gradient = _without_dimension_of_one(weight.view(self._gradient))
                linear.bias_gradient = _without_dimension_of_one(bias.view(self._gradient))
                if number > 0:
                    linear.input_gradient = self._member_buffer(
                        f"gradient {number}", batch_size, fan_in
                    )
            layers.append(linear)
        return Scaling(self._spec.input_scale, scaled), layers

    def _build_hidden(self, number: int, batch_size: int, width: int) -> list[Layer]:
        """What lies between two linear layers."""
        activation = ActivationLayer(ACTIVATIONS[self._spec.activation])
        if self._gradient is not None and not activation.activation.from_output:
            activation.outputs = self._member_buffer(f"activated {number}", batch_size, width)
        if self._dropout is None:
            return [activation]
        mask = self._member_buffer(f"mask {number}", batch_size, width)
        outputs = self._member_buffer(f"kept {number}", batch_size, width)
        return [activation, Dropout(self._dropout.shares, self._dropout.sources, mask, outputs)]

    def _member_buffer(self, name: str, batch_size: int, width: int) -> Tensor:
        return self._buffer(name, len(self._parameters), batch_size, width)

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor at the start of the memory with that name."""
        size = prod(shape)
        memory = self._memory.get(name)
        if memory is None or len(memory) < size:
            memory = self._memory[name] = self._parameters.new_empty(size)
        return _without_dimension_of_one(memory[:size].view(shape))


def _without_dimension_of_one(tensor: Tensor) -> Tensor:
    """Plain matrices in place of a stack of one: their products are faster."""
    return tensor[0] if len(tensor) == 1 else tensor
