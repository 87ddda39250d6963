from importlib import import_module
from typing import get_type_hints

import pytest

from multilayer.cli.application import COMMANDS, run, with_flags_as_typed
from multilayer.cli.argument_types import OptionalOutput, Output
from multilayer.runs.run_documents import read_settings


@pytest.mark.parametrize(
    ("arguments", "message", "expected"),
    [
        (["--max-epochs", "0"], "max_epochs must be at least 1", "--max-epochs must be at least 1"),
        (["--max-epochs=0"], "max_epochs must be at least 1", "--max-epochs must be at least 1"),
        (["--interval", "90"], "coverage must be a number", "--interval must be a number"),
        (["--validation", "30"], "validation_fraction is 30", "--validation is 30"),
        (["--time", "5m"], "time_limit 300 is too short", "--time 300 is too short"),
        (["--time", "x"], "time must be written as 90s", "--time must be written as 90s"),
        (["--loss", "x"], "unknown loss: the loss is x", "unknown loss: the loss is x"),
        (["--seed", "-1"], "seed must be at least 0", "--seed must be at least 0"),
        (["max_epochs=0"], "max_epochs must be at least 1", "max_epochs must be at least 1"),
    ],
)
def test_settings_are_named_as_they_were_typed(arguments, message, expected):
    assert with_flags_as_typed(message, arguments) == expected


def test_an_error_of_the_command_line_names_the_flag(capsys):
    assert run(["train", "digits", "--max-epochs", "0"]) == 2
    assert capsys.readouterr().err.startswith("error: --max-epochs must be")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["train", "digit"], "did you mean 'digits'?"),
        (["train", "Fashion-MNIST"], "did you mean 'fashion-mnist'?"),
        (["train", "digits", "--recipe", "defualt"], "default"),
    ],
)
def test_a_name_that_is_nearly_right_gets_a_hint(arguments, hint, capsys):
    assert run(arguments) == 2
    assert hint in capsys.readouterr().err


def test_a_column_that_is_nearly_right_gets_a_hint(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("Survived,age\n1,2\n0,3\n")
    assert run(["train", str(tmp_path / "t.csv"), "--target", "survived"]) == 2
    assert "did you mean 'Survived'?" in capsys.readouterr().err


def test_images_have_no_target(capsys):
    assert run(["train", "digits", "--target", "label"]) == 2
    assert "images with labels of their own; leave --target out" in capsys.readouterr().err


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("flags") / "t.csv"
    path.write_text(
        "a,y\n" + "".join(f"{n * 7 % 13},{'yes' if n % 3 else 'no'}\n" for n in range(60))
    )
    return str(path)


@pytest.mark.parametrize("name", COMMANDS)
def test_output_has_the_same_short_name_everywhere(name):
    function = getattr(import_module(f"multilayer.cli.{name}"), name)
    annotations = get_type_hints(function, include_extras=True)
    if "output" in annotations:
        assert annotations["output"] in (Output, OptionalOutput)


def test_the_short_name_of_output_is_taken(table, tmp_path):
    quick = ["--recipe", "fast", "--hidden-widths", "4", "--max-epochs", "1", "--quiet"]
    assert run(["train", table, "--target", "y", *quick, "-o", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "results.json").exists()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            "train data/1.csv data/2.csv data/3.csv --target y",
            "'data/2.csv' and 1 more came",
        ),
        ("train data/1.csv data/2.csv data/3.csv --target y", "a pattern in quotes, 'data/*.csv',"),
        ("evaluate run data/1.csv data/2.csv", "evaluate takes one file, folder or pattern"),
        ("predict run data/1.csv data/2.csv -o out", "a pattern in quotes, 'data/*.csv',"),
        ("predict run data/1.png data/2.png", "'data/2.png' came on top: name their folder"),
        ("encode data/1.csv data/2.csv --target y -o out", "a pattern in quotes, 'data/*.csv',"),
        ("compare data/1.csv data/2.csv data/3.csv --target y", "'data/*.csv', which the shell"),
        ("compare data/1.csv data/2.csv --target y chapter fast", "'data/2.csv' came on top"),
        ("playground data/1.csv data/2.csv", "a pattern in quotes, 'data/*.csv',"),
        ("train one two", "an argument too many for multilayer train: 'two'"),
        ("train 1 2 3 4 5 6", "arguments too many for multilayer train: '2', '3', '4' and 2 more"),
        ("export run data/1.csv --to onnx -o out", "an argument too many for multilayer export"),
    ],
)
def test_a_pattern_that_the_shell_expanded_is_asked_for_in_quotes(
    command, error, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("1.csv", "2.csv", "3.csv", "1.png", "2.png"):
        (tmp_path / "data" / name).write_text("a,y\n1,2\n")
    assert run(command.split()) == 2
    said = capsys.readouterr().err
    assert error in said and said.startswith("error: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        "tune TABLE --time 0s",
        "tune TABLE --time 10",
        "tune TABLE --trials 0",
        "tune TABLE --memory-limit 1GB",
        "tune TABLE --seed -1 --trials 1",
        "compare TABLE --max-seeds 4 fast default",
        "compare TABLE --max-seeds 7.5 fast default",
        "compare TABLE --matters inf fast default",
        "compare TABLE --matters nan fast default",
        "compare TABLE --held-out 1 fast default",
        "compare TABLE --recipe nope fast default",
        "compare TABLE --metric rmse fast default",
        "compare TABLE --data-dir there fast default",
        "study width TABLE --seeds 2",
        "study width TABLE --seeds 99999999999999999999",
        "study width TABLE --rows -4",
        "study width TABLE --matters 0",
        "study width TABLE --settings max_epochs=0",
        "study width TABLE --settings nope",
        "verify --steps 0",
        "bench --repeats 0",
        "bench --threads 0",
        "bench --cases X",
        "bench --output=",
        "train TABLE --skip-rows 1.5",
        "train TABLE --skip-rows -1",
        "train TABLE --beta-1 4",
        "train TABLE --recipe nope",
        "train TABLE --seed 99999999999999999999",
        "train TABLE --num-members 99999999999",
        "train TABLE --hidden-widths 99999999999",
        "train TABLE --memory-limit much",
        "train TABLE --memory-limit 3MB",
        "train TABLE --validation nope",
        "train TABLE --data-dir there",
        "train TABLE --encoding=",
        "train TABLE --output=",
        "train TABLE --delimiter ab",
        "train digits --drop x",
        "train digits --memory-limit 1GB",
        "train digits --validation rows.csv",
        "picture spirals --settings learning_rate=abc",
    ],
)
def test_a_value_that_is_out_of_range_is_refused_in_one_line_that_names_the_flag(
    arguments, table, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    flag = next(word for word in arguments.split() if word.startswith("--")).partition("=")[0]
    given = [table if word == "TABLE" else word for word in arguments.split()]
    assert run([*given, "--target", "y"] if "TABLE" in arguments else given) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert flag in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("--numeric-embedding piecewise --embedding-width 8", "piecewise"),
        ("--numeric-embedding --embedding-frequency 0.5", "periodic"),
        ("--max-epochs 1 --numeric-embedding", "periodic"),
        ("--no-numeric-embedding", "none"),
        ("--numeric-embedding=false", "none"),
    ],
)
def test_a_numeric_embedding_is_named_or_switched(flags, name, table, tmp_path):
    arguments = ["train", table, "--target", "y", "--output", str(tmp_path / "run"), "--quiet"]
    assert run([*arguments, "--recipe", "fast", "--hidden-widths", "4", *flags.split()]) == 0
    assert read_settings(tmp_path / "run")["settings"]["numeric_embedding"] == name


def test_a_fraction_to_validate_on_goes_with_images_too(tmp_path):
    flags = ["--max-epochs", "1", "--validation", "0.3", "--quiet", "--output", str(tmp_path)]
    assert run(["train", "digits", *flags]) == 0
    assert '"validation_fraction": 0.3' in (tmp_path / "settings.json").read_text()
