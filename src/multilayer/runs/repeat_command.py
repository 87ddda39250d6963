"""Command lines that repeat a run or compare settings on its data."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from multilayer.engine.settings import setting_types
from multilayer.errors import SettingsError
from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.reading.table_format import TableFormat
from multilayer.recipes.recipes import recipe

_RECIPE_TASKS = {"binary": "classification", "multiclass": "classification"}


def repeat_command(description: Mapping[str, Any], **changes: Any) -> str:
    """The shell command that repeats a run.

    Args:
        description: content of settings.json. Settings that equal the recipe's are omitted, unless
            this version does not know the recipe.
        changes: settings to change; numbers are written with four significant digits.
    """
    changed = {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in changes.items()
    }
    data = description["data"]
    is_table = data["kind"] == "table"
    task = data["task"] if is_table else "images"
    words = ["multilayer", "train", as_argument(data["load"])]
    if is_table:
        words += _table_flags(data)
    known = _settings_of(
        str(description.get("recipe")),
        _RECIPE_TASKS.get(task, task),
        data.get("num_rows") if is_table else None,
    )
    if known:
        words += as_option("--recipe", description["recipe"])
    settings = {
        name: value
        for name, value in {**description["settings"], **changed}.items()
        if value is not None and name in setting_types()  # others are of another version
    }
    differing = [
        name
        for name, value in settings.items()
        if name not in known or _written(value) != _written(known[name])
    ]
    if set(differing) & set(settings.get("drawn", ())):  # or a pack would not draw what is set
        differing.append("drawn")
    for name in dict.fromkeys(differing):
        words += _flag(name, settings[name])
    if data.get("data_dir"):
        words += as_option("--data-dir", data["data_dir"])
    return shlex.join(words)


def compare_command(description: Mapping[str, Any], *settings: str) -> str:
    """The shell command that compares settings on the data of a run."""
    data = description["data"]
    words = ["multilayer", "compare", as_argument(data["load"]), *settings]
    if data["kind"] == "table":
        words += _table_flags({**data, "validation": None})
    return shlex.join(words)


def _table_flags(data: Mapping[str, Any]) -> list[str]:
    """The flags for the column roles and the file format of a table."""
    roles = data["roles"]
    words = [word for name in roles["target"] for word in as_option("--target", name)]
    # Explicit, as other rows might lead to another inferred task.
    words += ["--task", "classification" if data["task"] in _RECIPE_TASKS else data["task"]]
    for name in ("weight", "group_by", "time_column"):
        if roles.get(name) is not None:
            words += as_option(f"--{name.replace('_', '-')}", roles[name])
    for name in ("categorical", "drop"):
        words += [word for column in roles.get(name, ()) for word in as_option(f"--{name}", column)]
    for column, kind in roles.get("as_kind", {}).items():
        words += as_option("--as", f"{column}={kind}")
    written = roles.get("table_format", {})
    for name in (field.name for field in fields(TableFormat)):
        if value := written.get(name):
            words += _flag(name, value)
    values = roles.get("values", {})
    for name in ("decimal", "thousands"):
        words += [f"--{name}", str(values[name])] if values.get(name) is not None else []
    words += [word for text in values.get("missing", ()) for word in ("--missing", str(text))]
    words += ["--keep-na"] if values.get("keep_na") else []
    if data.get("validation") is not None:
        words += as_option("--validation", data["validation"])
    return words


def _settings_of(recipe_name: str, task: Any, num_rows: int | None) -> dict[str, Any]:
    try:
        return asdict(recipe(recipe_name, task, num_rows=num_rows))
    except SettingsError:
        return {}


def _flag(name: str, value: Any) -> list[str]:
    if name == "time_limit":
        return ["--time", f"{value:g}s"] if value else []
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return as_option(f"--{flag}", _written(value))


def as_argument(path: Any) -> str:
    """A path as an argument that cannot be parsed as an option."""
    text = str(path)
    return f"./{text}" if text.startswith("-") and text != STANDARD_INPUT else text


def as_option(flag: str, value: Any) -> list[str]:
    """A flag and its value, joined by = if the value starts with a dash."""
    return [f"{flag}={value}"] if str(value).startswith("-") else [flag, str(value)]


def _written(value: Any) -> str:
    """A value in the syntax of a flag."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
