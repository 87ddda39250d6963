"""Recipes: named settings that work, each of which a person may change by name."""

from dataclasses import fields, replace
from typing import Any

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError

RECIPES: dict[str, TrainingSettings] = {
    # "Dive into Deep Learning", chapter 5.2.
    "chapter": TrainingSettings(
        hidden_widths=(256,),
        activation="relu",
        optimizer="sgd",
        learning_rate=0.1,
        batch_size=256,
        max_epochs=10,
    ),
}


def recipe(name: str = "chapter", **changes: Any) -> TrainingSettings:
    """The settings of a recipe, with changes.

    Args:
        name: a name in `RECIPES`.
        changes: fields of `TrainingSettings` that shall differ from the recipe's.

    Raises:
        SettingsError: the recipe or a field is unknown, or a value is out of range.
    """
    check_choice("recipe", name, tuple(RECIPES))
    known = [field.name for field in fields(TrainingSettings)]
    for changed in changes:
        if changed not in known:
            raise SettingsError(f"unknown setting {changed!r}; known are: {', '.join(known)}")
    return replace(RECIPES[name], **changes)
