"""What a search chooses from, and why the ranges are what they are. This needs no PyTorch.

recipe         `fast` or `default`: of tables the plain network or all of RealMLP's parts; which
               wins depends on the table. Of images the smaller or the larger network.
depth          1 to 4 hidden layers: three is the recipes', and a fifth has not paid on tables.
width          64 to 512 neurons in each: below, tables of some thousand rows are underfitted;
               above, time doubles and more for little. Of images 128 to 1024, which is the width
               of `default`.
max_epochs     an eighth of the longest recipe's up to all of them: the schedule is stretched over
               them, and a short one often does as well for a fraction of the time.
learning_rate  an eighth to eight times the recipes', on a logarithmic scale, since the loss depends
               on its order of magnitude (RealMLP's authors search 0.02 to 0.3, which lies inside).
dropout        0 to 0.5, beyond which more is lost than kept.
weight_decay   0.0005, as good as none, to 0.5, on a logarithmic scale; the recipe's is 0.02.

The last three are numbers in which members of a population may differ; the first four make a shape
that trials of one group share. What the user sets is not searched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import activation_text
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

VERSION = 1  # of the ranges: a study is not gone on with others
RECIPES = {
    "table": ("default", "fast"),
    "images": ("fast", "default"),  # the first trial is of the first, which is ten times as fast
}
WIDTHS = {"table": (64, 128, 256, 512), "images": (128, 256, 512, 1024)}
SHAPE = ("recipe", "depth", "width", "max_epochs")

_NUMBERS = ("max_epochs", "learning_rate", "dropout", "weight_decay")  # settings as they are
_DEEPEST = 4
_EPOCH_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
_RATE_FACTOR = 8
_MOST_DROPOUT = 0.5
_DECAYS = (5e-4, 0.5)

# Decided by the search, or what it depends on.
_NOT_FOR_SEARCHES = {
    "num_folds": "the last choice is made in five folds",
    "num_members": "the last choice is made in five folds",
    "num_draws": "each trial is one network; train a pack instead of a search",
    "refit": "the last choice is made in five folds",
    "drawn": "each trial is one network; train a pack instead of a search",
    "time_limit": "the search has a budget of its own, time",
    "selection": "each network is taken at its epoch of least loss on rows held out",
    "loss": "it follows from the data",
    "quantiles": "the loss follows from the data",
}


@dataclass(frozen=True)
class SearchSpace:
    """The choices of a search.

    Args:
        recipes: settings of each recipe that is tried, for these data, by its name.
        pinned: settings that the user has set, by name; they are not searched.
        widths: of hidden layers.
    """

    recipes: Mapping[str, TrainingSettings]
    pinned: Mapping[str, Any]
    widths: tuple[int, ...] = WIDTHS["table"]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """What each parameter is drawn from, those of the shape first."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        rates = [settings.learning_rate for settings in self.recipes.values()]
        chosen: dict[str, BaseDistribution] = {
            "recipe": CategoricalDistribution(tuple(self.recipes)),
            "depth": IntDistribution(1, _DEEPEST),
            "width": CategoricalDistribution(self.widths),
            "max_epochs": CategoricalDistribution(_epochs(self.recipes)),
            "learning_rate": FloatDistribution(
                min(rates) / _RATE_FACTOR, max(rates) * _RATE_FACTOR, log=True
            ),
            "dropout": FloatDistribution(0.0, _MOST_DROPOUT),
            "weight_decay": FloatDistribution(*_DECAYS, log=True),
        }
        absent = set(_NUMBERS) & set(self.pinned)
        if "hidden_widths" in self.pinned:
            absent |= {"depth", "width"}
        if len(self.recipes) == 1:
            absent.add("recipe")
        return {name: one for name, one in chosen.items() if name not in absent}

    def settings(self, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The recipe, and what differs from it, that parameters stand for."""
        recipe = str(params.get("recipe", next(iter(self.recipes))))
        changes = {name: params[name] for name in _NUMBERS if name in params}
        if "depth" in params:
            changes["hidden_widths"] = (params["width"],) * params["depth"]
        return recipe, {**self.pinned, **changes}

    def first_params(self) -> list[dict[str, Any]]:
        """Where a search begins: a short fit, so that something is known soon, and the recipes.

        These are as near to the recipes as the choices come.
        """
        known = self.distributions()
        starts = []
        for recipe, settings in self.recipes.items():
            params = {
                "recipe": recipe,
                "depth": len(settings.hidden_widths),
                "width": _nearest(self.widths, max(settings.hidden_widths, default=0)),
                "max_epochs": _nearest(_epochs(self.recipes), settings.max_epochs),
                "learning_rate": settings.learning_rate,
                "dropout": settings.dropout,
                "weight_decay": max(settings.weight_decay, _DECAYS[0]),
            }
            starts.append({name: value for name, value in params.items() if name in known})
        if "max_epochs" in known:
            starts.insert(0, {**starts[0], "max_epochs": min(_epochs(self.recipes))})
        return starts


def check_pinned(pinned: Mapping[str, Any]) -> None:
    """Raise SettingsError where a setting is not for a search."""
    for name in pinned:
        if name in _NOT_FOR_SEARCHES:
            raise SettingsError(f"{name} is not for tune: {_NOT_FOR_SEARCHES[name]}")
    activation = activation_text(pinned.get("activation", ""))
    if isinstance(activation, str) and "," in activation and "hidden_widths" not in pinned:
        raise SettingsError(
            f"activation {activation} is one for each layer, and tune searches the number of "
            "layers; set hidden_widths, too"
        )


def shape_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the parameters that trials of one group share."""
    return {name: params[name] for name in SHAPE if name in params}


def _nearest(choices: Sequence[int], number: int) -> int:
    return min(choices, key=lambda choice: abs(choice - number))


def _epochs(recipes: Mapping[str, TrainingSettings]) -> list[int]:
    full = max(settings.max_epochs for settings in recipes.values())
    return sorted({max(1, round(full * share)) for share in _EPOCH_SHARES})
