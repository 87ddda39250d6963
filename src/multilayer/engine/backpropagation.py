"""Forward and backward pass through the whole network."""

from torch import Tensor

from multilayer.engine.construction import Construction, FirstLayer, without_dimension_of_one
from multilayer.engine.layers import Layer
from multilayer.engine.layers.dropout import DropoutPlan
from multilayer.engine.layers.linear import Descent, Linear
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.whole_batch import WholeBatch

# Batch sizes that are laid out at once; training needs two, callers may ask for any number of rows.
_MOST_SIZES = 64


class Passes:
    """The layers of a network, laid out for each batch size that occurs.

    The ragged last batch of an epoch, or of the rows to predict, gets layers of its own over the
    same memory, so that every batch runs through the same code.

    Args:
        spec: the network's shape.
        parameters: (num_members, num_parameters); the layers hold views of it.
        gradient: same shape, filled by `backward` but for the state, which has none; None for
            passes without gradients, which are those that predict.
        dropout: for training; None leaves nothing out.
        whole: the batch that ranks divide; None: they do not.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Tensor,
        gradient: Tensor | None = None,
        dropout: DropoutPlan | None = None,
        whole: WholeBatch | None = None,
    ) -> None:
        self._num_members = len(parameters)
        self._construction = Construction(spec, parameters, gradient, dropout, whole)
        self._layers: dict[tuple[int, int], tuple[FirstLayer, list[Layer]]] = {}
        self._largest_batch = 0
        self._current: list[Layer] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            inputs: (num_members, batch, row_width), or (1, batch, row_width) for rows that all
                members share; of any number type. They must stay unchanged until `backward` is
                done.

        Returns:
            (num_members, batch, num_outputs), in memory that the next call may overwrite.
        """
        num_row_sets, batch_size, _ = inputs.shape
        if (num_row_sets, batch_size) not in self._layers:
            if batch_size > self._largest_batch or len(self._layers) == _MOST_SIZES:
                self._layers.clear()  # those of smaller batches would keep memory of their own
                self._largest_batch = max(batch_size, self._largest_batch)
            self._layers[num_row_sets, batch_size] = self._construction.layers(
                num_row_sets, batch_size
            )
        first, self._current = self._layers[num_row_sets, batch_size]
        values = first.forward(without_dimension_of_one(inputs))
        if num_row_sets < self._num_members:
            values = values.expand(self._num_members, -1, -1)
        for layer in self._current:
            values = layer.forward(values)
        return values.view(self._num_members, batch_size, -1)

    @property
    def linear_inputs(self) -> list[Tensor]:
        """What reached each linear layer in the last `forward`, (num_members, batch, inputs).

        They lie in memory that the next call may overwrite.
        """
        return [
            layer.inputs.reshape(self._num_members, -1, layer.inputs.shape[-1])
            for layer in self._current
            if isinstance(layer, Linear)
        ]

    @property
    def hidden_values(self) -> list[Tensor]:
        """What each hidden layer said in the last `forward`, likewise."""
        return self.linear_inputs[1:]

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> None:
        """Go back through the layers; call after `forward` on the same batch.

        Args:
            gradient: ∂loss/∂logits, (num_members, batch, num_outputs); may be overwritten.
            descent: None fills the flat gradient; otherwise gradient descent's step is taken, in a
                network that is linear layers and activations alone.
        """
        flowing: Tensor | None = without_dimension_of_one(gradient)
        for layer in reversed(self._current):
            if flowing is None:
                break
            flowing = layer.backward(flowing, descent)
