"""The command that repeats a run."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from multilayer.errors import SettingsError
from multilayer.estimators.recipes import recipe

_NOT_FLAGS = ("loss", "quantiles")  # follow from the data


def repeat_command(description: Mapping[str, Any]) -> str:
    """The command line, quoted for a shell, that trains the same again.

    Args:
        description: content of settings.json. Settings that are the recipe's are left out; of a
            recipe that this version does not know, all are written.
    """
    data = description["data"]
    words = ["multilayer", "train", str(data["load"])]
    if data.get("target") is not None:
        words += ["--target", _written(data["target"])]
    known = _settings_of(str(description.get("recipe")), description.get("task", "images"))
    if known:
        words += ["--recipe", str(description["recipe"])]
    for name, value in description["settings"].items():
        if name in _NOT_FLAGS or value is None:
            continue
        if name not in known or _written(value) != _written(known[name]):
            words += _flag(name, value)
    if data.get("data_dir"):
        words += ["--data-dir", str(data["data_dir"])]
    return shlex.join(words)


def _settings_of(recipe_name: str, task: Any) -> dict[str, Any]:
    try:
        return asdict(recipe(recipe_name, task))
    except SettingsError:
        return {}


def _flag(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", _written(value)]


def _written(value: Any) -> str:
    """A value as a flag takes it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
