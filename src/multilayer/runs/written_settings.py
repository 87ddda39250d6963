"""Parse settings from the command line: hidden_widths=512,256,dropout=0.2."""

from difflib import SequenceMatcher
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from multilayer.engine.settings import TrainingSettings, setting_types
from multilayer.engine.specification import ActivationName
from multilayer.errors import SettingsError
from multilayer.recipes.recipes import RecipeName, TaskName
from multilayer.recipes.recipes import recipe as settings_of

# Settings that a comparison sets itself.
_NOT_FOR_COMPARISONS = {
    "loss": "it follows from the data",
    "num_folds": "each network is scored alone",
    "num_members": "each network is scored alone",
    "num_draws": "each network is scored alone",
    "drawn": "each network is scored alone",
    "time_limit": "each network is scored alone",
    "refit": "each network is scored alone",
    "seed": "each is repeated over seeds",
}
_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}


def read_settings(
    text: str,
    recipe: str = "chapter",
    task: TaskName = "images",
    *,
    num_rows: int | None = None,
    num_columns: int | None = None,
) -> TrainingSettings:
    """Parse settings from text.

    Args:
        text: `name=value` separated by commas; may start with, or be, a recipe's name. Commas in
            hidden_widths and activation belong to their values:
            `hidden_widths=512,256,activation=relu,tanh,dropout=0.2`.
        recipe: the recipe if the text names none.
        task: the recipe's task.
        num_rows: see `recipe`.
        num_columns: see `recipe`.

    Raises:
        SettingsError: the recipe is a pack; a name is unknown (the message lists the known ones,
            nearest first) or given twice, or its value has the wrong type or is out of range.
    """
    parts = [part.strip() for part in text.split(",")]
    recipes = get_args(RecipeName)
    if parts[0] in recipes:
        recipe = parts.pop(0)
    given: dict[str, str] = {}
    last = ""
    for part in parts:
        name, is_assigned, value = part.partition("=")
        if is_assigned:
            last = name.strip()
            if last in given:
                raise SettingsError(f"{text!r} sets {last} twice")
            given[last] = value.strip()
        elif _has_commas(last, part):
            given[last] += f",{part}"
        else:
            names = ", ".join(_nearest_first(part, [*recipes, *setting_types()]))
            raise SettingsError(
                f"{part!r} in {text!r} must be a recipe or name=value; known are, nearest first: "
                f"{names}"
            )
    changes = {name: _value(name, given[name], text) for name in given} | {"refit": False}
    settings = settings_of(recipe, task, num_rows=num_rows, num_columns=num_columns, **changes)
    if settings.num_draws:
        raise SettingsError(
            f"the recipe {recipe!r} in {text!r} is many networks, and here each network is scored "
            "alone; take default, or train a pack with multilayer train"
        )
    return settings


def _has_commas(name: str, part: str) -> bool:
    """Whether what follows a comma belongs to the setting before it."""
    if name == "activation":
        return part in get_args(ActivationName)
    return name in setting_types() and get_origin(setting_types()[name][0]) is tuple


def _value(name: str, text: str, whole: str) -> Any:
    types = setting_types()
    if name not in types:
        raise SettingsError(
            f"unknown setting {name!r} in {whole!r}; known are, nearest first: "
            f"{', '.join(_nearest_first(name, list(types)))}"
        )
    if name in _NOT_FOR_COMPARISONS:
        raise SettingsError(f"{name} cannot be set here: {_NOT_FOR_COMPARISONS[name]}")
    kind = types[name][0]
    if name == "numeric_embedding" and text.lower() in _BOOLEANS:
        kind = bool
    try:
        return _read(kind, text)
    except (ValueError, KeyError):
        raise SettingsError(f"{name} must be {_type_name(kind)}; it is {text!r}") from None


def _read(kind: Any, text: str) -> Any:
    origin = get_origin(kind)
    if origin is tuple:
        entry = get_args(kind)[0]
        return tuple(_read(entry, part) for part in text.split(",")) if text else ()
    if origin is Literal:
        return text  # `TrainingSettings` checks it
    if origin in (Union, UnionType):
        if text.lower() == "none":
            return None
        return _read(next(part for part in get_args(kind) if part is not type(None)), text)
    if kind is bool:
        return _BOOLEANS[text.lower()]
    return kind(text)


def _type_name(kind: Any) -> str:
    if get_origin(kind) is tuple:
        whole = get_args(kind)[0] is int  # a tuple of names accepts any text here
        return f"{'whole ' if whole else ''}numbers separated by commas"
    return {int: "a whole number", float: "a number", bool: "yes or no"}.get(kind, "a known name")


def _nearest_first(given: str, known: list[str]) -> list[str]:
    return sorted(known, key=lambda name: -SequenceMatcher(None, given, name).ratio())
