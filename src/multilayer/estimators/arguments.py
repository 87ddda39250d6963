"""What the arguments of an estimator, by scikit-learn's names, mean for a fit."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from multilayer.errors import SettingsError

# scikit-learn's names of settings, in so far as they are other than ours.
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
    "device": "device",
    "loss": "loss",
    "quantiles": "quantiles",
}
_ACTIVATION_NAMES = {"logistic": "sigmoid"}


def changed_settings(estimator: Any) -> dict[str, Any]:
    """The settings in which an estimator's arguments differ from its recipe's."""
    changes = dict(estimator.settings or {})
    for name, setting in _SETTING_NAMES.items():
        value = getattr(estimator, name, None)
        if value is not None:
            changes[setting] = value
    if "hidden_widths" in changes:
        widths = changes["hidden_widths"]
        widths = (widths,) if isinstance(widths, Integral) else widths
        changes["hidden_widths"] = tuple(int(width) for width in widths)
    if isinstance(changes.get("quantiles"), Real):
        changes["quantiles"] = (changes["quantiles"],)
    if "quantiles" in changes:
        changes["quantiles"] = tuple(map(float, changes["quantiles"]))
    if "activation" in changes:
        name = changes["activation"]
        changes["activation"] = _ACTIVATION_NAMES.get(name, name)
    for name in ("batch_size", "max_epochs", "num_folds"):
        if isinstance(changes.get(name), Integral):
            changes[name] = int(changes[name])
    if estimator.early_stopping:
        changes["patience"] = int(estimator.n_iter_no_change)
    changes["seed"] = _seed(estimator.random_state)
    return changes


def categorical_names(given: Any, columns: Sequence[str]) -> list[str]:
    """The columns that `categorical_features` names, numbers or marks.

    Raises:
        SettingsError: it numbers or marks columns that are not there.
    """
    if given is None:
        return []
    chosen = list(given)
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

    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
