"""The shape of a network: what it is made of before it has any weights."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Literal, get_args

from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from torch import Tensor

ActivationName = Literal[
    "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid", "identity"
]


@dataclass(frozen=True)
class ParameterSlot:
    """Where one weight matrix or bias lies in the flat vector of a member's parameters."""

    name: str
    shape: tuple[int, int]
    start: int

    def view(self, flat: "Tensor") -> "Tensor":
        """The slot's part of flat (num_members, num_parameters), as (num_members, *shape)."""
        return flat[:, self.start : self.start + prod(self.shape)].view(len(flat), *self.shape)


@dataclass(frozen=True)
class NetworkSpec:
    """A multilayer perceptron: Linear → activation → … → Linear.

    No hidden widths at all is the linear model.

    Args:
        num_inputs: values in a row of input.
        num_outputs: values in a row of output (classes, or regression targets).
        hidden_widths: neurons in each hidden layer, from the input on.
        activation: the function after each hidden layer.
        input_scale: inputs are multiplied by this; 1/255 takes bytes to [0, 1].

    Raises:
        SettingsError: a width is below 1 or the activation is unknown.
    """

    num_inputs: int
    num_outputs: int
    hidden_widths: tuple[int, ...] = (256,)
    activation: ActivationName = "relu"
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_widths", tuple(self.hidden_widths))
        check_widths("hidden_widths", self.hidden_widths)
        check_widths("num_inputs", (self.num_inputs,))
        check_widths("num_outputs", (self.num_outputs,))
        check_choice("activation", self.activation, get_args(ActivationName))

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths, from the inputs to the outputs."""
        return (self.num_inputs, *self.hidden_widths, self.num_outputs)

    @property
    def linear_layers(self) -> tuple[tuple[ParameterSlot, ParameterSlot], ...]:
        """Weight (inputs, outputs) and bias (1, outputs) of each linear layer, in order."""
        layers = []
        start = 0
        for number, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            weight = ParameterSlot(f"linear_{number}.weight", (fan_in, fan_out), start)
            bias = ParameterSlot(f"linear_{number}.bias", (1, fan_out), start + fan_in * fan_out)
            layers.append((weight, bias))
            start = bias.start + fan_out
        return tuple(layers)

    @property
    def parameter_slots(self) -> tuple[ParameterSlot, ...]:
        """All slots, in the order of the flat vector."""
        return tuple(slot for layer in self.linear_layers for slot in layer)

    @property
    def num_parameters(self) -> int:
        """Weights and biases of one member."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.widths))


def check_widths(name: str, widths: tuple[int, ...]) -> None:
    """Raise SettingsError unless every width is a whole number of at least 1."""
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            given = ",".join(map(str, widths))
            raise SettingsError(
                f"{name} must be whole numbers of at least 1; {width!r} in {given!r} is not"
            )


def check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    """Raise SettingsError unless `given` is one of the known names."""
    if given not in known:
        raise SettingsError(f"unknown {name} {given!r}; known are: {', '.join(known)}")
