"""Convert an estimator's arguments, by scikit-learn's names, to settings."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from multilayer.engine.setting_checks import check_setting
from multilayer.engine.settings import TrainingSettings, setting_types
from multilayer.engine.specification import activation_text
from multilayer.errors import DataWarning, SettingsError
from multilayer.recipes.recipes import HELD_OUT_FRACTION, recipe
from multilayer.stopwatch import read_seconds

# scikit-learn's names of settings, and ours.
_SETTING_NAMES = {
    "hidden_layer_sizes": "hidden_widths",
    "learning_rate_init": "learning_rate",
    "max_iter": "max_epochs",
    "activation": "activation",
    "batch_size": "batch_size",
    "dropout": "dropout",
    "weight_decay": "weight_decay",
    "validation_fraction": "validation_fraction",
    "num_folds": "num_folds",
    "time_limit": "time_limit",
    "device": "device",
    "loss": "loss",
    "quantiles": "quantiles",
}
_ACTIVATION_NAMES = {"logistic": "sigmoid"}
_EPOCHS_WITHOUT_PROGRESS = 40  # the default of n_iter_no_change


def changed_settings(estimator: Any) -> dict[str, Any]:
    """The settings in which an estimator's arguments differ from its recipe's.

    Raises:
        SettingsError: an argument is of the wrong type or out of range, or something is given both
            as an argument and in `settings`.
    """
    changes = _settings_by_name(estimator)
    for name, setting in _SETTING_NAMES.items():
        value = getattr(estimator, name, None)
        if value is None or (name == "batch_size" and isinstance(value, str) and value == "auto"):
            continue
        if setting in changes:
            raise SettingsError(f"{name} is given twice, in settings as {setting!r} as well")
        changes[setting] = _checked(name, setting, value)
    for name in ("early_stopping", "warm_start", "verbose"):
        value = getattr(estimator, name)
        is_level = name == "verbose" and isinstance(value, int) and value >= 0
        if not (isinstance(value, bool | np.bool_) or is_level):
            raise SettingsError(f"{name} must be True or False; it is {value!r}")
    if estimator.early_stopping:
        changes |= _early_stopping(estimator, changes)
    changes["seed"] = _seed(estimator.random_state)
    return changes


def recipe_of(estimator: Any, changes: Mapping[str, Any]) -> str:
    """The recipe that an estimator's arguments ask for: a time limit makes a pack of `default`."""
    name: str = estimator.recipe
    return "pack" if name == "default" and changes.get("time_limit") else name


def _own(estimator: Any, changes: Mapping[str, Any]) -> TrainingSettings:
    """The settings of an estimator's recipe that do not depend on the task or the data."""
    return recipe(recipe_of(estimator, changes), "regression")


def warn_of_unused(
    estimator: Any, changes: Mapping[str, Any], num_epochs: int, *, has_validation: bool
) -> None:
    """Warn of arguments that have no effect given the others.

    Args:
        estimator: as it was made.
        changes: of its arguments, see `changed_settings`.
        num_epochs: of the fit.
        has_validation: whether validation rows are given.
    """
    waits, fraction = estimator.n_iter_no_change, estimator.validation_fraction
    if not estimator.early_stopping and waits != _EPOCHS_WITHOUT_PROGRESS:
        _warn(f"n_iter_no_change={waits!r} is not used without early_stopping=True")
    if estimator.early_stopping and changes["patience"] >= num_epochs:
        _warn(
            f"early_stopping cannot end a fit of {num_epochs} epochs: it waits for "
            f"n_iter_no_change={changes['patience']}"
        )
    if fraction and has_validation:
        _warn(f"validation_fraction={fraction!r} is not used, as X_val is given")
    elif fraction and changes.get(
        "num_folds", recipe(recipe_of(estimator, changes), "regression").num_folds
    ):
        _warn(f"validation_fraction={fraction!r} is not used, as each fold is held out once")


def _warn(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=4)


def _settings_by_name(estimator: Any) -> dict[str, Any]:
    given = estimator.settings
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise SettingsError(
            "settings must be settings by name, for example {'schedule': 'cosine'}; "
            f"it is {given!r}"
        )
    changes = dict(given)
    if "seed" in changes:
        raise SettingsError("settings holds a seed; it is given as random_state")
    for name, setting in _SETTING_NAMES.items():
        if name in changes and name != setting:
            raise SettingsError(
                f"settings holds {name!r}, which is an argument of its own, or {setting!r} there"
            )
    return changes


def _checked(name: str, setting: str, value: Any) -> Any:
    """Validate and convert an argument to a setting; errors name the argument."""
    kind, _ = setting_types()[setting]
    if setting == "hidden_widths":
        if isinstance(value, str) or not (isinstance(value, Integral) or np.iterable(value)):
            raise SettingsError(
                f"{name} must be whole numbers of at least 1, for example (64, 32); it is {value!r}"
            )
        value = tuple(map(_whole, (value,) if isinstance(value, Integral) else value))
    elif setting == "quantiles":
        value = (value,) if isinstance(value, Real | str) else value
        value = tuple(map(_number, value))
    elif setting == "activation":
        value = activation_text(value)
        if isinstance(value, str):
            value = ",".join(_ACTIVATION_NAMES.get(one, one) for one in value.split(","))
    elif kind is int:
        value = _whole(value)
    elif setting == "time_limit" and isinstance(value, str):
        try:
            value = read_seconds(value)
        except ValueError as error:
            raise SettingsError(f"{name} {error}") from None
    elif kind is float:
        value = _number(value)
    try:
        check_setting(setting, kind, value)
    except SettingsError as error:
        raise SettingsError(str(error).replace(setting, name, 1)) from None
    return value


def _whole(value: Any) -> Any:
    """An integer of any type, also 64.0, as int; anything else unchanged."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return int(value) if is_number and np.isfinite(value) and value == int(value) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else value


def _early_stopping(estimator: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of early stopping: patience, selection and validation rows."""
    if "patience" in changes:
        raise SettingsError("early_stopping waits for n_iter_no_change; settings holds a patience")
    waits = _whole(estimator.n_iter_no_change)
    if not isinstance(waits, int) or isinstance(waits, bool) or waits < 1:
        raise SettingsError(
            f"n_iter_no_change must be a whole number of at least 1; it is {waits!r}"
        )
    needed: dict[str, Any] = {"patience": waits}
    own = _own(estimator, changes)
    if changes.get("selection", own.selection) == "last":
        if "selection" in changes:
            raise SettingsError(
                "early_stopping goes by the best epoch; settings holds the selection 'last'"
            )
        needed["selection"] = "loss"
    is_divided = own.validation_fraction or changes.get("num_folds", own.num_folds)
    if "validation_fraction" not in changes and not is_divided:
        needed["validation_fraction"] = HELD_OUT_FRACTION
    return needed


def categorical_names(given: Any, columns: Sequence[str]) -> list[str]:
    """Names of the columns in `categorical_features`.

    Raises:
        SettingsError: it numbers or marks columns that are not there.
    """
    if given is None:
        return []
    chosen = [given] if isinstance(given, str | Integral) else list(given)
    if all(isinstance(each, bool | np.bool_) for each in chosen):
        if len(chosen) != len(columns):
            raise SettingsError(
                f"categorical_features marks {len(chosen)} columns; X has {len(columns)}"
            )
        return [name for name, is_marked in zip(columns, chosen, strict=True) if is_marked]
    names = []
    for each in chosen:
        if isinstance(each, Integral):
            if not -len(columns) <= int(each) < len(columns):
                raise SettingsError(
                    f"categorical_features names column {each}; X has {len(columns)}"
                )
            names.append(columns[int(each)])
        else:
            names.append(str(each))
    return names


def _seed(random_state: Any) -> int:
    from sklearn.utils import check_random_state

    is_seed = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if is_seed and 0 <= random_state < 2**64:
        return int(random_state)
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31 - 1))
    raise SettingsError(
        "random_state must be a whole number of at least 0, None or a numpy.random.RandomState; "
        f"it is {random_state!r}"
    )
