"""The command that a report prints, read again by the command line itself."""

import json
import shlex
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.cli import application, setting_flags
from multilayer.cli.application import run
from multilayer.engine.settings import TrainingSettings
from multilayer.recipes.recipes import recipe
from multilayer.runs.repeat_command import compare_command, repeat_command


def described(settings: TrainingSettings, recipe_name: str, **data: Any) -> dict[str, Any]:
    """As settings.json holds it after it was written and read."""
    data = {"kind": "table" if "roles" in data else "images", "load": "x", **data}
    document = {"recipe": recipe_name, "settings": asdict(settings), "data": data}
    return json.loads(json.dumps(document))


def settings_read_from(command: str) -> tuple[TrainingSettings, dict[str, Any]]:
    words = shlex.split(command)
    assert words[0] == "multilayer"
    _, bound, _ = application.application(words[1:]).parse_args(words[1:])
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


def test_nothing_that_a_folder_names_becomes_an_option():
    """A stranger's settings.json must not make a command that writes elsewhere."""
    recipe_settings = {"max_epochs": 3, "output": "important", "resume": "-x", "seed": -1}
    description = {
        "recipe": "--output=a",
        "settings": recipe_settings,
        "data": {
            "kind": "table", "load": "--output=important", "data_dir": "-d", "task": "regression",
            "validation": "--output", "roles": {
                "target": ["-o", "y"], "weight": "--quiet", "drop": ["--storage=x"],
                "categorical": [], "as_kind": {"-a": "numeric"},
                "table_format": {"output": "b", "delimiter": "-"},
            },
        },
    }  # fmt: skip
    words = shlex.split(repeat_command(description))
    assert words[:3] == ["multilayer", "train", "./--output=important"]
    assert "--target=-o" in words
    assert "--weight=--quiet" in words
    assert "--validation=--output" in words
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert not flags & {"--output", "--resume", "--quiet", "--storage", "-d", "-o", "-a"}
    assert shlex.split(compare_command(description, "chapter"))[2] == "./--output=important"
    standard_input = {**description, "data": {"kind": "images", "load": "-"}}
    assert shlex.split(repeat_command(standard_input))[2] == "-"


def test_flags_with_values_that_begin_as_flags_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{n},{n % 3},{'ab'[n % 2]}\n" for n in range(60))
    (tmp_path / "-rows.csv").write_text(f"-x,--drop,-o\n{rows}")
    command = ["train", "./-rows.csv", "--target=-o", "--drop=--drop", "--as=-x=numeric"]
    quick = ["--max-epochs", "1", "--hidden-widths", "4", "--quiet", "--output", "run"]
    assert run([*command, *quick]) == 0


@pytest.mark.parametrize("task", ["classification", "regression", "images"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"hidden_widths": (16,), "dropout": 0.1},
        {"drawn": ()},
        {"drawn": ("learning_rate",), "learning_rate": 0.01},
        {"time_limit": 300.0},
        {"time_limit": 90.5, "num_draws": 7},
    ],
)
def test_the_command_of_a_pack_trains_the_same_pack(task, changes):
    settings = recipe("pack", task, num_rows=500 if task != "images" else None, **changes)
    data = {}
    if task != "images":
        kind = "regression" if task == "regression" else "binary"
        data = {"kind": "table", "task": kind, "num_rows": 500, "roles": {"target": ["y"]}}
    command = repeat_command(described(settings, "pack", **data))
    words = shlex.split(command)
    _, bound, _ = application.application(words[1:]).parse_args(words[1:])
    settings_flags = bound.arguments.get("settings")
    flags = {} if settings_flags is None else setting_flags.given(settings_flags)
    assert recipe("pack", task, num_rows=data.get("num_rows"), **flags) == settings


def test_the_command_of_a_timed_pack_has_the_time_as_it_is_typed():
    settings = recipe("pack", "regression", num_rows=500, time_limit=300, max_epochs=40)
    data = {"kind": "table", "task": "regression", "num_rows": 500, "roles": {"target": ["y"]}}
    assert repeat_command(described(settings, "pack", **data)) == (
        "multilayer train x --target y --task regression --recipe pack --max-epochs 40 "
        "--num-draws 100 --time 300s"
    )


def test_a_rate_that_is_changed_is_still_drawn():
    settings = recipe("pack", "regression", num_rows=500)
    data = {"kind": "table", "task": "regression", "num_rows": 500, "roles": {"target": ["y"]}}
    command = repeat_command(described(settings, "pack", **data), learning_rate=0.01)
    assert f"--learning-rate 0.01 --drawn {','.join(settings.drawn)}" in command
