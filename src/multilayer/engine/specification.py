"""The shape of a network: what it is made of before it has any weights."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

from multilayer.encoding.one_hot_block import OneHotBlock, row_width
from multilayer.engine.parameter_slots import ParameterSlot, SlotKind, lay_out
from multilayer.errors import SettingsError, did_you_mean

ActivationName = Literal[
    "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid",
    "identity",
]  # fmt: skip
NumberEmbeddingName = Literal["periodic", "piecewise"]

_WIDEST = 2**31 - 1  # of a layer; no machine has the memory for half as many
CATEGORY_WIDTH = 8  # values that a category becomes
_MOST_VALUES_AT_ONCE = 2**22  # of features, where rows are answered
BATCH_NORM_EPSILON = 1e-5  # added to variances, as torch.nn.BatchNorm1d has it


@dataclass(frozen=True)
class NetworkSpec:
    """A multilayer perceptron: inputs → features → Linear → activation → … → Linear.

    No hidden widths at all is the linear model. The features are the inputs, unless some columns
    are embedded: first come the numbers to embed, last the categories' codes, and what lies
    between goes through as it is. All that is not named is left out.

    Args:
        num_inputs: values in a row of input.
        num_outputs: values in a row of output (classes, or regression targets).
        hidden_widths: neurons in each hidden layer, from the input on.
        activation: the function σ after each hidden layer: a name for all, or names with commas
            between them, or a tuple, one for each.
        input_scale: inputs are multiplied by this; 1/255 takes bytes to [0, 1].
        standardize_inputs: each input is shifted and scaled by constants that its training rows
            gave.
        embedded_numbers: so many of the first columns become several values each: the number, and
            mixtures of components that `number_embedding` makes of it.
        number_embedding: "periodic" gives [x, W₂ cos(2π w₁ x + b₁) + b₂] (PBLD, Holzmüller et al.,
            2024); "piecewise" [x, W e(x)], e(x) the piecewise linear encoding by bins between
            quantiles of the training rows (Gorishniy et al., 2022).
        number_width: values that an embedded number becomes: itself, and the mixtures.
        number_components: cosines, or bins, that are mixed.
        category_sizes: each of the last columns is a code from 0 to below its size, and becomes 8
            learned values; 0 is missing or unseen.
        category_statistics: beside its embedding, each category becomes so many constants that
            were computed from the targets of training rows; see `engine.target_statistics`.
        embedding_limit: beside statistics, columns of more categories than this are not embedded;
            0 is no limit.
        statistic_versions: sets of these constants, of which a row's codes choose one: a code of
            column c in version v is code + v * category_sizes[c]. More than 1 only while training;
            no part of a model file.
        scale_layer: each feature is multiplied by a learned number.
        batch_norm: before each activation a neuron's values are standardised, by the batch in
            training and by running statistics after, then scaled by a learned gain (Ioffe and
            Szegedy, 2015). The layer's bias comes after that.
        learned_activation: the activation is (1 − α) z + α σ(z), α learned for each neuron.
        one_hot_blocks: inputs that are a single number in the rows that are given, in ascending
            order, all of them among those that go through as they are. No part of a model file:
            it follows from the table's encoder.

    Raises:
        SettingsError: a width is below 1, a name is unknown, or columns are embedded twice.

    Examples:
        >>> from multilayer import NetworkSpec
        >>> spec = NetworkSpec(num_inputs=784, num_outputs=10, hidden_widths=(256,))
        >>> spec.num_parameters
        203530
    """

    num_inputs: int
    num_outputs: int
    hidden_widths: tuple[int, ...] = (256,)
    activation: str = "relu"
    input_scale: float = 1.0
    standardize_inputs: bool = False
    embedded_numbers: int = 0
    category_sizes: tuple[int, ...] = ()
    scale_layer: bool = False
    batch_norm: bool = False
    learned_activation: bool = False
    number_embedding: NumberEmbeddingName = "periodic"
    number_width: int = 4
    number_components: int = 16
    one_hot_blocks: tuple[OneHotBlock, ...] = ()
    category_statistics: int = 0
    embedding_limit: int = 0
    statistic_versions: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.hidden_widths, str) or not isinstance(self.hidden_widths, Iterable):
            check_widths("hidden_widths", self.hidden_widths)  # refuses them
        object.__setattr__(self, "hidden_widths", tuple(self.hidden_widths))
        object.__setattr__(self, "category_sizes", tuple(self.category_sizes))
        check_widths("hidden_widths", self.hidden_widths)
        check_widths("num_inputs", (self.num_inputs,))
        check_widths("num_outputs", (self.num_outputs,))
        check_widths("category_sizes", self.category_sizes)
        object.__setattr__(self, "activation", activation_text(self.activation))
        check_activation(self.activation, self.hidden_widths)
        if not isinstance(self.input_scale, int | float) or not math.isfinite(self.input_scale):
            raise SettingsError(f"input_scale must be a finite number; it is {self.input_scale!r}")
        for name in ("standardize_inputs", "scale_layer", "batch_norm", "learned_activation"):
            check_switch(name, getattr(self, name))
        check_whole("embedded_numbers", self.embedded_numbers, 0)
        check_choice("number_embedding", self.number_embedding, get_args(NumberEmbeddingName))
        check_whole("number_width", self.number_width, 2)
        check_whole("number_components", self.number_components, 2)
        check_widths("number_width", (self.number_width, self.number_components))  # not too large
        check_whole("category_statistics", self.category_statistics, 0)
        check_whole("embedding_limit", self.embedding_limit, 0)
        check_whole("statistic_versions", self.statistic_versions, 1)
        if self.embedded_numbers + len(self.category_sizes) > self.num_inputs:
            raise SettingsError(
                f"{self.embedded_numbers} embedded numbers and {len(self.category_sizes)} "
                f"categories do not fit into {self.num_inputs} inputs"
            )

        if self.standardize_inputs and self.category_sizes:
            raise SettingsError("standardize_inputs is for numbers alone, not for categories")
        if self.category_statistics and not self.category_sizes:
            raise SettingsError("category_statistics need category_sizes")
        if self.embedding_limit and not self.category_statistics:
            raise SettingsError("embedding_limit needs category_statistics")
        self._check_one_hot_blocks()

    def _check_one_hot_blocks(self) -> None:
        place, last = self.embedded_numbers, self.num_inputs - len(self.category_sizes)
        for block in self.one_hot_blocks:
            is_apart = place <= block.place and block.place + block.size <= last
            if not is_apart or not 0 < block.size == len(block.present):
                raise SettingsError("blocks of one-hot columns must lie apart, among passed inputs")
            place = block.place + block.size
        if self.one_hot_blocks and self.input_scale != 1:
            raise SettingsError("input_scale is not for rows with codes of one-hot columns")

    @property
    def widths(self) -> tuple[int, ...]:
        """Values in a row on its way: inputs, hidden layers, outputs."""
        return (self.num_inputs, *self.hidden_widths, self.num_outputs)

    @property
    def activations(self) -> tuple[ActivationName, ...]:
        """The function after each hidden layer."""
        names: Any = self.activation.split(",")
        return tuple(names if len(names) > 1 else names * len(self.hidden_widths))

    @property
    def row_width(self) -> int:
        """Numbers in a row as it is given, where a block of one-hot columns is one number."""
        return row_width(self.num_inputs, self.one_hot_blocks)

    @property
    def num_passthrough(self) -> int:
        """Columns that go through as they are."""
        return self.num_inputs - self.embedded_numbers - len(self.category_sizes)

    def rows_at_once(self, most: int) -> int:
        """Rows to be answered together: `most`, or fewer where their features would be many."""
        of_a_row = max(self.num_inputs, self.num_features) + self.num_embedding_values
        return max(1, min(most, _MOST_VALUES_AT_ONCE // of_a_row))

    @property
    def num_embedding_values(self) -> int:
        """Values in between that the embeddings of a row's numbers need: cosines and mixtures."""
        return self.embedded_numbers * (3 * self.number_components + self.number_width)

    @property
    def num_features(self) -> int:
        """Values that the first linear layer sees."""
        return (
            self.number_width * self.embedded_numbers
            + self.num_passthrough
            + CATEGORY_WIDTH * len(self.embedded_columns)
            + self.category_statistics * len(self.category_sizes)
        )

    @property
    def embedded_columns(self) -> tuple[int, ...]:
        """Which columns of `category_sizes` are embedded; a size counts the code 0, too."""
        sizes, limit = self.category_sizes, self.embedding_limit
        return tuple(place for place, size in enumerate(sizes) if not limit or size <= limit + 1)

    @property
    def embedded_sizes(self) -> tuple[int, ...]:
        """Number of codes of each column that is embedded."""
        return tuple(self.category_sizes[place] for place in self.embedded_columns)

    @property
    def is_linear_layers_alone(self) -> bool:
        """Whether all parameters are those of linear layers, and a bias is part of its layer."""
        return all(slot.name.startswith("linear_") for slot in self.parameter_slots)

    def to_json(self) -> dict[str, Any]:
        """What a file says of it: all but blocks, versions, and newer keys at their default."""
        document = asdict(replace(self, one_hot_blocks=()))
        del document["one_hot_blocks"], document["statistic_versions"]
        for name in (
            "number_embedding", "number_width", "number_components", "category_statistics",
            "embedding_limit",
        ):  # fmt: skip
            if document[name] == getattr(NetworkSpec, name):  # earlier versions read it then, too
                del document[name]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "NetworkSpec":
        """Read what `to_json` made.

        Raises:
            SettingsError: a value is out of range.
            TypeError: a key is missing or unknown, or a value of another type.
        """
        for name in ("one_hot_blocks", "statistic_versions"):
            if name in document:
                raise TypeError(f"a file says nothing of {name}")
        return cls(**document)

    def with_one_version(self) -> "NetworkSpec":
        """The shape with one version of `category_statistics`, which answers rows to come."""
        return replace(self, statistic_versions=1)

    @cached_property
    def parameter_slots(self) -> tuple[ParameterSlot, ...]:
        """All slots, from the inputs to the outputs; in the flat vector they lie by kind."""
        return lay_out(self._slots())

    @cached_property
    def slots(self) -> dict[str, ParameterSlot]:
        """The slots by name."""
        return {slot.name: slot for slot in self.parameter_slots}

    @property
    def linear_layers(self) -> tuple[tuple[ParameterSlot, ParameterSlot], ...]:
        """Weight (inputs, outputs) and bias (1, outputs) of each linear layer, in order."""
        return tuple(
            (self.slots[f"linear_{number}.weight"], self.slots[f"linear_{number}.bias"])
            for number in range(len(self.hidden_widths) + 1)
        )

    @property
    def num_parameters(self) -> int:
        """Length of a member's flat vector."""
        return max(slot.stop for slot in self.parameter_slots)

    def _slots(self) -> Iterator[tuple[str, tuple[int, ...], SlotKind]]:
        if self.standardize_inputs:
            yield "inputs.shift", (1, self.num_inputs), "state"
            yield "inputs.scale", (1, self.num_inputs), "state"
        if self.embedded_numbers:
            numbers, parts = self.embedded_numbers, self.number_components
            mixtures = self.number_width - 1
            if self.number_embedding == "piecewise":
                yield "numbers.edges", (numbers, 1, parts + 1), "state"
                yield "numbers.weight", (numbers, parts, mixtures), "bias"
            else:
                yield "numbers.frequency", (numbers, 1, parts), "bias"
                yield "numbers.phase", (numbers, 1, parts), "bias"
                yield "numbers.weight", (numbers, parts, mixtures), "bias"
                yield "numbers.bias", (numbers, 1, mixtures), "bias"
        if self.embedded_columns:
            yield "categories.weight", (sum(self.embedded_sizes), CATEGORY_WIDTH), "category"
        if self.category_statistics:
            num_rows = self.statistic_versions * sum(self.category_sizes)
            yield "categories.statistics", (num_rows, self.category_statistics), "state"
        if self.scale_layer:
            yield "features.scale", (1, self.num_features), "scale"
        widths = (self.num_features, *self.hidden_widths, self.num_outputs)
        for number, (fan_in, fan_out) in enumerate(pairwise(widths)):
            yield f"linear_{number}.weight", (fan_in, fan_out), "weight"
            yield f"linear_{number}.bias", (1, fan_out), "bias"
            if number == len(self.hidden_widths):
                continue
            if self.batch_norm:
                yield f"batch_norm_{number}.gain", (1, fan_out), "bias"
                yield f"batch_norm_{number}.mean", (1, fan_out), "state"
                yield f"batch_norm_{number}.variance", (1, fan_out), "state"
            if self.learned_activation:
                yield f"activation_{number}.strength", (1, fan_out), "bias"


def activation_text(given: Any) -> Any:
    """Names of activations as settings and files hold them, and anything else as it is.

    A single name is for all layers, and stands for equal ones; others have commas between them.
    """
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
        return given
    names = [name.strip() for name in names]
    return names[0] if len(set(names)) == 1 else ",".join(names)


def check_activation(given: object, hidden_widths: tuple[int, ...] | None = None) -> None:
    """Raise SettingsError unless these are known names, as `activation_text` makes them.

    Args:
        given: the text.
        hidden_widths: several names must be one for each; None: not known yet.
    """
    names = given.split(",") if isinstance(given, str) else [given]
    for name in names:
        check_choice("activation", name, get_args(ActivationName))
    if hidden_widths is not None and len(names) not in (1, len(hidden_widths)):
        raise SettingsError(
            f"activation must be one name, or one for each of {len(hidden_widths)} hidden layers; "
            f"it is {given!r}"
        )


def check_widths(name: str, widths: tuple[int, ...]) -> None:
    """Raise SettingsError unless every width is a whole number of at least 1."""
    if isinstance(widths, str) or not isinstance(widths, Iterable):
        raise SettingsError(
            f"{name} must be whole numbers of at least 1, for example (256, 128); it is {widths!r}"
        )
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            given = ",".join(map(str, widths))
            raise SettingsError(
                f"{name} must be whole numbers of at least 1; {width!r} in {given!r} is not"
            )
        if width > _WIDEST:
            raise SettingsError(f"{name} must be at most {_WIDEST:,}; one of them is {width}")


def check_whole(name: str, value: object, smallest: int) -> None:
    """Raise SettingsError unless the value is a whole number of at least the smallest."""
    if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
        raise SettingsError(
            f"{name} must be a whole number of at least {smallest}; it is {value!r}"
        )


def check_choice(name: str, given: Any, known: tuple[str, ...]) -> None:
    """Raise SettingsError unless `given` is one of the known names."""
    if given not in known:
        raise SettingsError(
            f"unknown {name} {given!r}; known are: {', '.join(known)}{did_you_mean(given, known)}"
        )


def check_switch(name: str, value: object) -> None:
    """Raise SettingsError unless the value is True or False."""
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false; it is {value!r}")
