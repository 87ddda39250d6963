"""Forward and backward pass through the whole network, in buffers that are made once."""

from torch import Tensor

from multilayer.engine.activations import ACTIVATIONS
from multilayer.engine.layers import ActivationLayer, Linear
from multilayer.engine.specification import NetworkSpec

Layer = Linear | ActivationLayer


class Passes:
    """The layers of a network, laid out for each batch size that occurs.

    The ragged last batch of an epoch, or of the rows to predict, gets layers of its own over the
    same memory, so that every batch runs through the same code.

    Args:
        spec: the network's shape.
        parameters: (num_members, num_parameters); the layers hold views of it.
        gradient: same shape, filled by `backward`; None for passes without gradients.
    """

    def __init__(
        self, spec: NetworkSpec, parameters: Tensor, gradient: Tensor | None = None
    ) -> None:
        self._spec = spec
        self._parameters = parameters
        self._gradient = gradient
        self._memory: dict[str, Tensor] = {}
        self._layers: dict[int, list[Layer]] = {}
        self._current: list[Layer] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            inputs: (num_members, batch, num_inputs), or (1, batch, num_inputs) for rows that all
                members share. They must stay unchanged until `backward` is done.

        Returns:
            (num_members, batch, num_outputs), a buffer that the next call overwrites.
        """
        num_members, batch_size = len(self._parameters), inputs.shape[1]
        if batch_size not in self._layers:
            self._layers[batch_size] = self._build(batch_size)
        self._current = self._layers[batch_size]
        values = inputs[0] if num_members == 1 else inputs.expand(num_members, -1, -1)
        for layer in self._current:
            values = layer.forward(values)
        return values.unsqueeze(0) if num_members == 1 else values

    def backward(self, gradient: Tensor) -> None:
        """Fill the flat gradient; call after `forward` on the same batch.

        Args:
            gradient: ∂loss/∂logits, (num_members, batch, num_outputs); may be overwritten.
        """
        flowing: Tensor | None = gradient[0] if len(self._parameters) == 1 else gradient
        for layer in reversed(self._current):
            assert flowing is not None
            flowing = layer.backward(flowing)

    def _build(self, batch_size: int) -> list[Layer]:
        activation = ACTIVATIONS[self._spec.activation]
        last = len(self._spec.linear_layers) - 1
        layers: list[Layer] = []
        for number, (weight, bias) in enumerate(self._spec.linear_layers):
            fan_in, fan_out = weight.shape
            linear = Linear(
                self._without_dimension_of_one(weight.view(self._parameters)),
                self._without_dimension_of_one(bias.view(self._parameters)),
                self._buffer(f"outputs {number}", batch_size, fan_out),
                input_scale=self._spec.input_scale if number == 0 else 1.0,
            )
            if self._gradient is not None:
                linear.weight_gradient = self._without_dimension_of_one(weight.view(self._gradient))
                linear.bias_gradient = self._without_dimension_of_one(bias.view(self._gradient))
                if number > 0:
                    linear.input_gradient = self._buffer(f"gradient {number}", batch_size, fan_in)
            layers.append(linear)
            if number < last:
                layers.append(ActivationLayer(activation))
                if self._gradient is not None and not activation.from_output:
                    outputs = self._buffer(f"activated {number}", batch_size, fan_out)
                    layers[-1] = ActivationLayer(activation, outputs)
        return layers

    def _buffer(self, name: str, batch_size: int, width: int) -> Tensor:
        """(num_members, batch_size, width), at the start of the memory with that name."""
        size = len(self._parameters) * batch_size * width
        memory = self._memory.get(name)
        if memory is None or len(memory) < size:
            memory = self._memory[name] = self._parameters.new_empty(size)
        return self._without_dimension_of_one(
            memory[:size].view(len(self._parameters), batch_size, width)
        )

    def _without_dimension_of_one(self, tensor: Tensor) -> Tensor:
        return tensor[0] if len(self._parameters) == 1 else tensor
