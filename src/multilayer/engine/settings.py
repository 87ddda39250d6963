"""Everything about a fit that a person can set, declared once.

The Python API, the command line's flags and their help, and the JSON that is saved with a run all
come from `TrainingSettings`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_type_hints

from multilayer.engine.specification import ActivationName, check_choice, check_widths
from multilayer.errors import SettingsError

InitializationName = Literal["linear", "normal", "glorot", "he"]
LossName = Literal["cross_entropy", "squared_error"]
OptimizerName = Literal["sgd", "adam"]
PrecisionName = Literal["highest", "medium"]
ScheduleName = Literal["constant", "cosine", "one_cycle"]
SelectionName = Literal["last", "loss", "accuracy"]

# What the members of a population may differ in; all else is shared.
SETTINGS_OF_A_MEMBER = ("seed", "initialization", "learning_rate", "weight_decay", "dropout")


@dataclass(frozen=True)
class TrainingSettings:
    """The network's hidden part and how it is trained; the defaults are the chapter's.

    Each field's meaning stands in its type and is what `multilayer train --help` prints.

    Raises:
        SettingsError: a value is out of range or unknown.
    """

    hidden_widths: Annotated[
        tuple[int, ...], "neurons in each hidden layer, from the input on; '' is the linear model"
    ] = (256,)
    activation: Annotated[ActivationName, "function after each hidden layer"] = "relu"
    initialization: Annotated[
        InitializationName,
        "first weights: 'linear' as torch.nn.Linear draws them, 'normal' with deviation 0.01 as "
        "in the chapter's from-scratch network, 'glorot' or 'he'",
    ] = "linear"
    loss: Annotated[LossName, "what is minimised"] = "cross_entropy"
    optimizer: Annotated[OptimizerName, "how a gradient becomes a step"] = "sgd"
    learning_rate: Annotated[float, "size of a step"] = 0.1
    momentum: Annotated[float, "share of the last step that SGD keeps"] = 0.0
    batch_size: Annotated[int, "rows in a step"] = 256
    max_epochs: Annotated[int, "passes over the training rows"] = 10
    schedule: Annotated[
        ScheduleName,
        "how the learning rate changes: 'cosine' falls to 0, 'one_cycle' rises for a quarter of "
        "the steps first",
    ] = "constant"
    dropout: Annotated[float, "share of hidden neurons left out of each step at random"] = 0.0
    weight_decay: Annotated[
        float, "the weights, not the biases, shrink by this times the learning rate in each step"
    ] = 0.0
    max_gradient_norm: Annotated[
        float, "a longer gradient is shortened to this length; 0 leaves it"
    ] = 0.0
    average_decay: Annotated[
        float,
        "share of the running average of the weights that stays in each step; the average is the "
        "network that is scored and kept; 0 is no average",
    ] = 0.0
    selection: Annotated[
        SelectionName,
        "which epoch's network is kept: the last, or the best by validation loss or accuracy",
    ] = "last"
    patience: Annotated[
        int, "epochs without a better one by the selection after which training ends; 0 is never"
    ] = 0
    precision: Annotated[
        PrecisionName,
        "'medium' lets matrix products round to bfloat16 where the machine is faster with it",
    ] = "highest"
    num_threads: Annotated[
        int, "processor threads; 0 takes one for small steps and all of PyTorch's for others"
    ] = 0
    seed: Annotated[int, "address of every random draw; the same seed repeats the run"] = 0
    validation_fraction: Annotated[
        float,
        "share of the training rows held out to watch; with 0 the test rows are watched, as in "
        "the book, and nothing is chosen by them",
    ] = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_widths", tuple(self.hidden_widths))
        check_widths("hidden_widths", self.hidden_widths)
        check_choice("activation", self.activation, get_args(ActivationName))
        check_choice("initialization", self.initialization, get_args(InitializationName))
        check_choice("loss", self.loss, get_args(LossName))
        check_choice("optimizer", self.optimizer, get_args(OptimizerName))
        _check_number("learning_rate", self.learning_rate, "above 0", lambda x: x > 0)
        check_choice("schedule", self.schedule, get_args(ScheduleName))
        check_choice("selection", self.selection, get_args(SelectionName))
        check_choice("precision", self.precision, get_args(PrecisionName))
        _check_number("dropout", self.dropout, "from 0 up to, not including, 1", _below_one)
        _check_number("weight_decay", self.weight_decay, "of at least 0", lambda x: x >= 0)
        _check_number(
            "max_gradient_norm", self.max_gradient_norm, "of at least 0", lambda x: x >= 0
        )
        _check_number(
            "average_decay", self.average_decay, "from 0 up to, not including, 1", _below_one
        )
        _check_number("momentum", self.momentum, "from 0 up to, not including, 1", _below_one)
        _check_number(
            "validation_fraction", self.validation_fraction, "from 0 up to, not including, 1",
            _below_one,
        )  # fmt: skip
        _check_whole("batch_size", self.batch_size, 1)
        _check_whole("max_epochs", self.max_epochs, 1)
        _check_whole("seed", self.seed, 0)
        _check_whole("patience", self.patience, 0)
        _check_whole("num_threads", self.num_threads, 0)
        if self.momentum and self.optimizer != "sgd":
            raise SettingsError(
                f"momentum belongs to the optimizer 'sgd'; it was {self.momentum} "
                f"with {self.optimizer!r}"
            )
        if self.patience and self.selection == "last":
            raise SettingsError(
                f"patience {self.patience} needs a selection, 'loss' or 'accuracy', to wait for"
            )
        if self.selection == "accuracy" and self.loss != "cross_entropy":
            raise SettingsError(f"selection by accuracy needs classes; the loss is {self.loss!r}")


def setting_types() -> dict[str, tuple[Any, str]]:
    """Type and explanation of each field of `TrainingSettings`, by its name."""
    hints = get_type_hints(TrainingSettings, include_extras=True)
    return {name: get_args(hint) for name, hint in hints.items()}


def of_members(
    settings: TrainingSettings | Sequence[TrainingSettings], num_members: int
) -> list[TrainingSettings]:
    """Settings for each member of a population.

    Args:
        settings: one for all, or one for each, differing in `SETTINGS_OF_A_MEMBER` alone.
        num_members: networks in the population.

    Raises:
        SettingsError: there are not as many as members, or they differ in something else.
    """
    if isinstance(settings, TrainingSettings):
        return [settings] * num_members
    if len(settings) != num_members:
        raise SettingsError(f"{num_members} members were given {len(settings)} settings")
    for name in setting_types():
        values = {getattr(member, name) for member in settings}
        if name not in SETTINGS_OF_A_MEMBER and len(values) > 1:
            raise SettingsError(
                f"members may differ in {', '.join(SETTINGS_OF_A_MEMBER)} alone, "
                f"not in {name}: {', '.join(map(str, sorted(values, key=str)))}"
            )
    return list(settings)


def _below_one(value: float) -> bool:
    return 0 <= value < 1


def _check_number(name: str, value: object, range_in_words: str, is_valid: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and is_valid(value)):  # type: ignore[arg-type]
        raise SettingsError(f"{name} must be a number {range_in_words}; it is {value!r}")


def _check_whole(name: str, value: object, smallest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
        raise SettingsError(
            f"{name} must be a whole number of at least {smallest}; it is {value!r}"
        )
