"""The command that a report prints, read again by the command line itself."""

import json
import shlex
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.cli import application
from multilayer.engine.settings import TrainingSettings
from multilayer.estimators.recipes import recipe
from multilayer.lab.report.repeat_command import repeat_command


def described(settings: TrainingSettings, recipe_name: str, **data: Any) -> dict[str, Any]:
    """As settings.json holds it after it was written and read."""
    document = {"recipe": recipe_name, "settings": asdict(settings), "data": {"load": "x", **data}}
    return json.loads(json.dumps(document))


def settings_read_from(command: str) -> tuple[TrainingSettings, dict[str, Any]]:
    words = shlex.split(command)
    assert words[0] == "multilayer"
    _, bound, _ = application.app.parse_args(words[1:])
    arguments = dict(bound.arguments)
    flags = arguments.pop("settings", None)
    given_flags = {} if flags is None else vars(flags)
    changes = {name: value for name, value in given_flags.items() if value is not None}
    return recipe(arguments.get("recipe", "chapter"), **changes), arguments


@given(
    name=st.sampled_from(["chapter", "fast", "default"]),
    widths=st.lists(st.integers(1, 5000), max_size=3),
    rate=st.floats(1e-8, 10, exclude_min=True),
    seed=st.integers(0, 2**31),
    batch_norm=st.booleans(),
    schedule=st.sampled_from(["constant", "cosine", "one_cycle"]),
    augment=st.sampled_from([(), ("shift",), ("flip", "shift")]),
)
def test_the_command_says_the_same_settings(
    name, widths, rate, seed, batch_norm, schedule, augment
):
    changes = {"hidden_widths": tuple(widths), "learning_rate": rate, "seed": seed}
    settings = recipe(name, batch_norm=batch_norm, schedule=schedule, augment=augment, **changes)
    read, arguments = settings_read_from(repeat_command(described(settings, name)))
    assert read == settings
    assert arguments["data"] == "x"


def test_what_the_recipe_says_is_left_out():
    assert repeat_command(described(recipe("chapter", seed=3), "chapter", load="digits")) == (
        "multilayer train digits --recipe chapter --seed 3"
    )


def test_of_an_unknown_recipe_everything_is_written():
    settings = recipe("chapter")
    command = repeat_command(described(settings, "of next year"))
    assert "--recipe" not in command
    assert settings_read_from(command)[0] == settings


@pytest.mark.parametrize("folder", ["my data", "a'b", "$(rm x)", "--help me", "-x"])
def test_names_are_quoted_for_a_shell(folder):
    command = repeat_command(described(recipe("chapter"), "chapter", load=f"/{folder}"))
    assert settings_read_from(command)[1]["data"] == f"/{folder}"


def test_the_folder_of_the_data_is_named():
    command = repeat_command(described(recipe("chapter"), "chapter", data_dir="/my data"))
    assert settings_read_from(command)[1]["data_dir"] == "/my data"
