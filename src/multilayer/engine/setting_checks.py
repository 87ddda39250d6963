"""What each setting may be, alone and beside others."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from multilayer.engine.specification import (
    check_activation,
    check_choice,
    check_switch,
    check_whole,
    check_widths,
)
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.engine.settings import TrainingSettings

_Range = tuple[str, Callable[[float], bool]]
_ABOVE_ZERO: _Range = ("above 0", lambda value: value > 0)
_AT_LEAST_ZERO: _Range = ("of at least 0", lambda value: value >= 0)
_BELOW_ONE: _Range = ("from 0 up to, not including, 1", lambda value: 0 <= value < 1)

_RANGES: dict[str, _Range] = {
    "learning_rate": _ABOVE_ZERO,
    "scale_rate_factor": _ABOVE_ZERO,
    "bias_rate_factor": _ABOVE_ZERO,
    "embedding_frequency": _ABOVE_ZERO,
    "weight_decay": _AT_LEAST_ZERO,
    "max_gradient_norm": _AT_LEAST_ZERO,
    "time_limit": _AT_LEAST_ZERO,
}  # all other numbers are below 1

_LOSSES_OF_PROBABILITIES = ("cross_entropy", "binary_cross_entropy")

_SMALLEST = {
    "batch_size": 1, "max_epochs": 1, "num_members": 1, "embedding_width": 2,
    "embedding_components": 2,
}  # of all others: 0  # fmt: skip


def check_setting(name: str, kind: Any, value: Any) -> None:
    """Raise SettingsError unless the value is of the field's type and in its range."""
    if get_origin(kind) is Literal:
        check_choice(name, value, get_args(kind))
    elif name == "activation":
        check_activation(value)
    elif kind is bool:
        check_switch(name, value)
    elif kind is int:
        check_whole(name, value, _SMALLEST.get(name, 0))
    elif kind is float:
        _check_number(name, value, *_RANGES.get(name, _BELOW_ONE))
    elif name in ("augment", "drawn", "quantiles") and not isinstance(value, tuple | list):
        raise SettingsError(f"{name} must be a tuple; it is {value!r}")
    elif name in ("augment", "drawn"):
        for entry in value:
            check_choice(name, entry, get_args(get_args(kind)[0]))
        if len(set(value)) < len(value):
            raise SettingsError(f"{name} names {', '.join(value)}; each may stand there once")
    elif name == "quantiles":
        for quantile in value:
            _check_number(name, quantile, "between 0 and 1", lambda level: 0 < level < 1)
        if not value or list(value) != sorted(set(value)):
            given = ", ".join(map(str, value))
            raise SettingsError(f"quantiles must be one or more, rising; they are ({given})")
    else:
        check_widths(name, value)


def check_together(settings: "TrainingSettings") -> None:
    """Raise SettingsError where settings that are fine alone do not go together."""
    check_activation(settings.activation, settings.hidden_widths)
    if settings.momentum and settings.optimizer != "sgd":
        raise SettingsError(
            f"momentum belongs to the optimizer 'sgd'; it was {settings.momentum} "
            f"with {settings.optimizer!r}"
        )
    if settings.embedding_frequency != 0.1 and settings.numeric_embedding == "piecewise":
        raise SettingsError(
            f"embedding_frequency belongs to the numeric_embedding 'periodic'; it was "
            f"{settings.embedding_frequency} with 'piecewise'"
        )
    if settings.patience and settings.selection == "last":
        raise SettingsError(
            f"patience {settings.patience} needs a selection to wait for, such as 'loss'"
        )
    if settings.selection == "accuracy" and settings.loss != "cross_entropy":
        raise SettingsError(f"selection by accuracy needs classes; the loss is {settings.loss!r}")
    if settings.selection == "calibrated_loss" and settings.loss not in _LOSSES_OF_PROBABILITIES:
        raise SettingsError(
            f"selection by calibrated_loss needs classes; the loss is {settings.loss!r}"
        )
    if settings.label_smoothing and settings.loss != "cross_entropy":
        raise SettingsError(
            f"label_smoothing {settings.label_smoothing} needs classes; "
            f"the loss is {settings.loss!r}"
        )
    if settings.quantiles != (0.5,) and settings.loss != "quantile":
        raise SettingsError(
            f"quantiles belong to the loss 'quantile'; the loss is {settings.loss!r}"
        )
    if settings.batch_norm and settings.initialization == "data":
        raise SettingsError(
            "batch_norm standardises the neurons itself; take another initialization than 'data'"
        )
    if settings.time_limit and not settings.num_draws:
        raise SettingsError(
            f"time_limit {settings.time_limit:g} is for a pack, which gets as good as it can in a "
            "time; take the recipe 'pack', or num_draws above 0"
        )
    if settings.num_draws and settings.num_members > 1:
        raise SettingsError(
            f"a pack of num_draws {settings.num_draws} has as many networks as draws and folds; "
            f"num_members must be 1, it is {settings.num_members}"
        )
    if settings.refit and (settings.num_members > 1 or settings.num_folds or settings.num_draws):
        raise SettingsError(
            "refit trains one network again, with the rows that were held out from it; it does not "
            "go with num_members, num_folds or num_draws, whose networks are many already"
        )
    if settings.embedding_limit and not settings.category_statistics:
        raise SettingsError(
            f"embedding_limit {settings.embedding_limit} needs category_statistics: a category "
            "would be no input at all"
        )
    if settings.num_folds == 1 or (settings.num_folds and settings.num_members > 1):
        raise SettingsError(
            f"num_folds must be 0 or at least 2, and then num_members 1; they are "
            f"{settings.num_folds} and {settings.num_members}"
        )


def _check_number(
    name: str, value: object, range_in_words: str, is_valid: Callable[[float], bool]
) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and is_valid(value)):  # type: ignore[arg-type]
        raise SettingsError(f"{name} must be a number {range_in_words}; it is {value!r}")
