"""What is set on the playground's page, as one value that a link holds."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import (
    ActivationName,
    check_choice,
    check_whole,
    check_widths,
)
from multilayer.errors import SettingsError, did_you_mean
from multilayer.playground.refused import PageError
from multilayer.recipes.recipes import TaskName, recipe

PLANES = ("spirals", "moons", "circles", "xor")
MADE_PROBLEMS = (*PLANES, "surface")  # points that are made from noise, num_rows and seed
IMAGE_PROBLEMS = ("digits", "fashion-mnist")
PROBLEMS = (*MADE_PROBLEMS, *IMAGE_PROBLEMS, "table")
INITIALIZATIONS = ("linear", "normal", "glorot", "he")  # what the chapter has

VALIDATION_FRACTION = 0.2  # of points and tables; images have test images
MOST_LAYERS, WIDEST, MOST_WEIGHTS = 6, 1024, 4_000_000
FEWEST_ROWS, MOST_ROWS = 20, 10_000
MOST_SEEDS, MOST_EPOCHS = 32, 10_000
LARGEST_SEED = 2**31 - 1
_LONGEST_LINK, _LONGEST_SHOWN = 2000, 60

# Of a network, 2 for problems that are not here; of a table its rows tell.
NUM_INPUTS = {"digits": 64, "fashion-mnist": 784}
NUM_OUTPUTS = {"surface": 1, "digits": 10, "fashion-mnist": 10, "spirals": 3}


@dataclass(frozen=True)
class Setup:
    """A problem, a network for it and how it is trained.

    Args:
        problem: one of `PROBLEMS`; "table" is the reader's own file.
        noise: deviation of the noise about the points of `MADE_PROBLEMS`; 0 for others.
        num_rows: points that are made, training and held-out ones; 0 for other problems, which
            have all their rows.
        hidden_widths: neurons of up to 6 hidden layers; none is the linear model.
        activations: of each hidden layer; a single one is for all.
        initialization: one of `INITIALIZATIONS`.
        optimizer: "sgd" or "adam".
        learning_rate: size of a step.
        batch_size: rows in a step.
        dropout: share of hidden neurons left out of each step.
        weight_decay: see `TrainingSettings`.
        seed: of points, split, first weights, batches and dropout.
        num_seeds: networks trained side by side with weights and batches of their own.
        num_epochs: passes over the training rows, which the printed code makes.
        target: column to predict of a table; "" is the last one.

    Raises:
        SettingsError: a value is unknown or out of range, or the network is too large.
    """

    problem: str = "spirals"
    noise: float = 0.05
    num_rows: int = 500
    hidden_widths: tuple[int, ...] = (8, 8)
    activations: tuple[str, ...] = ("tanh",)
    initialization: str = "linear"
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    batch_size: int = 32
    dropout: float = 0.0
    weight_decay: float = 0.0
    seed: int = 0
    num_seeds: int = 1
    num_epochs: int = 10
    target: str = ""

    def __post_init__(self) -> None:
        check_choice("problem", self.problem, PROBLEMS)
        check_widths("hidden_widths", self.hidden_widths)
        self._settle("hidden_widths", tuple(self.hidden_widths))
        activations, depth = self.activations, len(self.hidden_widths)
        if not isinstance(activations, tuple | list):
            raise SettingsError(f"activations must be a tuple of names; they are {activations!r}")
        for name in activations:
            check_choice("activation", name, get_args(ActivationName))
        activations = tuple(activations)
        if depth == 0 or len(activations) == 1:
            activations = activations[:1] * depth
        self._settle("activations", activations)
        if self.problem not in MADE_PROBLEMS:
            self._settle("noise", 0.0)
            self._settle("num_rows", 0)
        if self.problem != "table":
            self._settle("target", "")
        if len(activations) != depth:
            given = ", ".join(map(str, activations)) or "none"
            raise PageError("activations", depth=depth, given=given)
        if not isinstance(self.target, str):
            raise SettingsError(f"target must be the name of a column; it is {self.target!r}")
        check_choice("initialization", self.initialization, INITIALIZATIONS)
        self._check_sizes()
        self.training_settings()  # the engine's own checks
        self.check_network(NUM_INPUTS.get(self.problem, 2), NUM_OUTPUTS.get(self.problem, 2))

    @classmethod
    def from_query(cls, query: str) -> "Setup":
        """The setup that `query` wrote into a link.

        Args:
            query: what stands after the link's "?"; fields that it lacks have their defaults.

        Raises:
            SettingsError: it names a field that there is not, one twice, or a value that it cannot
                have; the message names the field.
        """
        if len(query) > _LONGEST_LINK:
            raise PageError("long_link", most=f"{_LONGEST_LINK:,}")
        values: dict[str, Any] = {}
        for name, text in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
            if name not in _READERS:
                raise PageError(
                    "unknown_field", name=_shown(name), known=", ".join(_READERS),
                    hint=did_you_mean(name, _READERS),
                )  # fmt: skip
            if name in values:
                raise PageError("field_twice", name=name)
            read, what, what_ru = _READERS[name]
            try:
                values[name] = read(text)
            except ValueError:
                raise PageError(
                    "field", name=name, what=what, what_ru=what_ru, value=_shown(text)
                ) from None
        setup = cls(**values)
        for name in ("noise", "num_rows", "target"):
            if name in values and getattr(setup, name) != values[name]:
                raise PageError(
                    "field_left_out", name=name, problem=repr(setup.problem),
                    value=_shown(values[name]),
                )  # fmt: skip
        return setup

    def query(self) -> str:
        """What stands after the "?" of the link that holds everything; `from_query` reads it."""
        return urlencode(
            {
                name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
                for name, value in asdict(self).items()
            },
            safe=",",
        )

    @property
    def task(self) -> TaskName:
        """What is predicted; of a table it depends on its rows, see `Problem.task`."""
        if self.problem in IMAGE_PROBLEMS:
            return "images"
        return "regression" if self.problem == "surface" else "classification"

    def changes(self) -> dict[str, Any]:
        """The settings that differ from the recipe "chapter", by name."""
        is_image = self.problem in IMAGE_PROBLEMS
        shared = dict.fromkeys(self.activations)
        return {
            "hidden_widths": self.hidden_widths,
            "activation": ",".join(shared if len(shared) < 2 else self.activations) or "relu",
            "initialization": self.initialization,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "max_epochs": self.num_epochs,
            "dropout": self.dropout,
            "weight_decay": self.weight_decay,
            "seed": self.seed,
            "num_members": self.num_seeds,
            "validation_fraction": 0.0 if is_image else VALIDATION_FRACTION,
        }

    def training_settings(self) -> TrainingSettings:
        """What the engine trains with.

        Of a table with numbers to predict the loss is another: see `Problem.prepared`.

        Raises:
            SettingsError: a value is unknown or out of range.
        """
        return recipe("chapter", self.task, **self.changes())

    def check_network(self, num_inputs: int, num_outputs: int) -> None:
        """Refuse a network that is too large for the page.

        Args:
            num_inputs: of the problem.
            num_outputs: of the problem.

        Raises:
            SettingsError: it has too many weights; the message says what would be fine.
        """
        widths = (num_inputs, *self.hidden_widths, num_outputs)
        num_weights = self.num_seeds * sum(a * b for a, b in pairwise(widths))
        if num_weights > MOST_WEIGHTS:
            raise PageError(
                "weights", networks=self.num_seeds, widths=",".join(map(str, self.hidden_widths)),
                inputs=f"{num_inputs:,}", number=f"{num_weights:,}", most=f"{MOST_WEIGHTS:,}",
            )  # fmt: skip

    def _check_sizes(self) -> None:
        if len(self.hidden_widths) > MOST_LAYERS:
            raise PageError("layers", number=len(self.hidden_widths), most=MOST_LAYERS)
        if (widest := max(self.hidden_widths, default=0)) > WIDEST:
            raise PageError("width", number=f"{widest:,}", most=f"{WIDEST:,}")
        if self.problem in MADE_PROBLEMS:
            _check_number("noise", self.noise, 0.0, 1.0)
            _check_whole("num_rows", self.num_rows, FEWEST_ROWS, MOST_ROWS)
        _check_whole("seed", self.seed, 0, LARGEST_SEED)
        _check_whole("num_seeds", self.num_seeds, 1, MOST_SEEDS)
        _check_whole("num_epochs", self.num_epochs, 1, MOST_EPOCHS)

    def _settle(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _check_whole(name: str, value: int, least: int, most: int) -> None:
    check_whole(name, value, least)
    if value > most:
        raise PageError("most", name=name, most=f"{most:,}", value=f"{value:,}")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):
        raise PageError(
            "between", name=name, least=f"{least:g}", most=f"{most:g}", value=repr(value)
        )


def _widths(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _shown(value: object) -> str:
    """A value of a link in a message, cut short."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


# How each field of a link is read, and what it must be, in English and Russian.
_WHOLE, _NUMBER = (int, "a whole number", "целое число"), (float, "a number", "число")
_TEXT = (str, "text", "текст")
_READERS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    field.name: {
        "hidden_widths": (
            _widths, "whole numbers with commas between them, such as 8,8",
            "целые числа через запятую, например 8,8",
        ),
        "activations": (
            _names, "names with commas between them, such as relu,tanh",
            "названия через запятую, например relu,tanh",
        ),
    }.get(field.name)
    or {int: _WHOLE, float: _NUMBER}.get(type(field.default), _TEXT)
    for field in fields(Setup)
}  # fmt: skip
