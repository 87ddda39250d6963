"""Flags made from the declaration of the settings: one for each field, its help included."""

from collections.abc import Sequence
from dataclasses import field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter, Token

from multilayer.cli.argument_types import as_seed, as_whole
from multilayer.engine.settings import setting_types
from multilayer.stopwatch import read_seconds

_GROUPS = {
    "Network": (
        "hidden_widths", "activation", "learned_activation", "batch_norm", "standardize_inputs",
        "numeric_embedding", "embedding_width", "embedding_components", "embedding_frequency",
        "one_hot_limit", "category_statistics", "embedding_limit", "scale_layer",
        "parametrization", "initialization", "zero_last_layer", "num_members", "num_folds",
    ),
    "Optimisation": (
        "loss", "quantiles", "optimizer", "learning_rate", "scale_rate_factor", "bias_rate_factor",
        "momentum", "beta_1", "beta_2", "batch_size", "drop_last_batch", "max_epochs", "schedule",
        "max_gradient_norm", "seed",
    ),
    "Regularisation": (
        "dropout", "input_dropout", "weight_decay", "regularization_schedule", "label_smoothing",
        "augment", "average_decay",
    ),
    "Validation": ("validation_fraction", "selection", "patience", "refit", "clip_predictions"),
    "Pack": ("time_limit", "num_draws", "drawn"),
    "Hardware": ("precision", "num_threads", "device"),
}  # fmt: skip
QUIET = Parameter(name=["--quiet", "-q"], negative="")
TABLE_GROUP = Group.create_ordered("Table")
_GROUP_OF = {
    name: group for group in map(Group.create_ordered, _GROUPS) for name in _GROUPS[group.name]
}


def given(flags: Any) -> dict[str, Any]:
    """The settings that were given as flags, by name."""
    values = {entry.name: getattr(flags, entry.name) for entry in fields(flags)}
    return {name: value for name, value in values.items() if value is not None}


def _flag(name: str, kind: Any, explanation: str) -> tuple[str, Any, Any]:
    """A field that is None where the flag is not given, so that the recipe's value stands."""
    # A switch can be turned off as well as on: --scale-layer, --no-scale-layer.
    parameter = Parameter(
        help=explanation, negative=None if kind is bool else "", group=_GROUP_OF.get(name)
    )
    if name == "hidden_widths":
        widths = Parameter(converter=_read_widths, n_tokens=1)
        return name, Annotated[kind | None, parameter, widths], field(default=None)
    if name == "quantiles":
        levels = Parameter(converter=_read_levels, n_tokens=1)
        return name, Annotated[kind | None, parameter, levels], field(default=None)
    if name == "time_limit":
        seconds = Parameter(name=["--time", "--time-limit"], converter=_read_time, n_tokens=1)
        return name, Annotated[float | None, parameter, seconds], field(default=None)
    if name in ("augment", "drawn"):
        names = Parameter(converter=_read_names, n_tokens=1)
        return name, Annotated[tuple[str, ...] | None, parameter, names], field(default=None)
    if name == "numeric_embedding":  # also a switch, as it was before there were two of them
        switch = Parameter(help=explanation, negative=None, group=_GROUP_OF[name])
        return name, Annotated[kind | bool | None, switch], field(default=None)
    if kind is int:
        whole = as_seed if name == "seed" else as_whole
        return name, Annotated[kind | None, parameter, whole], field(default=None)
    return name, Annotated[kind | None, parameter], field(default=None)


def _read_widths(_: Any, tokens: Sequence[Token]) -> tuple[int, ...]:
    text = tokens[0].value
    try:
        return tuple(int(width) for width in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(
            f"{text!r} must be whole numbers with commas between them, such as 256,128"
        ) from None


def _read_levels(_: Any, tokens: Sequence[Token]) -> tuple[float, ...]:
    text = tokens[0].value
    try:
        return tuple(float(level) for level in text.split(","))
    except ValueError:
        raise ValueError(
            f"{text!r} must be numbers with commas between them, such as 0.1,0.5,0.9"
        ) from None


def _read_time(_: Any, tokens: Sequence[Token]) -> float:
    return read_seconds(tokens[0].value)


def _read_names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """Names with commas between them; the settings themselves say which are known."""
    text = tokens[0].value
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _flags(name: str, left_out: Sequence[str] = ()) -> Any:
    """A class of flags, one for each setting but some."""
    kept = {one: hints for one, hints in setting_types().items() if one not in left_out}
    made = make_dataclass(name, [_flag(one, *hints) for one, hints in kept.items()], frozen=True)
    made.__module__ = __name__  # cyclopts looks the class up there to flatten its fields
    return made


if TYPE_CHECKING:
    SettingFlags = Any
    FlagsWithoutPack = Any
    EncodingFlags = Any
else:
    SettingFlags = _flags("SettingFlags")
    FlagsWithoutPack = _flags("FlagsWithoutPack", _GROUPS["Pack"])
    # What encoded rows depend on; how many are held out is a flag of tables.
    _OF_ENCODING = ("loss", "quantiles", "one_hot_limit", "seed")
    EncodingFlags = _flags(
        "EncodingFlags", [name for name in setting_types() if name not in _OF_ENCODING]
    )
