import json
import signal
from pathlib import Path

import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from multilayer.cli.application import run

QUICK = ("--hidden-widths", "8", "--max-epochs", "4", "--recipe", "fast")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    data = load_breast_cancer(as_frame=True).frame[:200]
    pl.DataFrame({name: data[name].to_numpy() for name in data}).write_csv(tmp_path / "table.csv")
    return tmp_path / "table.csv"


def test_a_search_from_table_to_prediction(multilayer, table, tmp_path):
    done = multilayer("tune", "table.csv", "--target", "target", "--trials", "9", *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "160 rows to search with, 40 set aside" in done.stdout
    assert "what helped most is not known" in done.stdout
    assert "on 40 rows that the search never saw: accuracy 0." in done.stdout
    *_, command = done.stdout.splitlines()
    assert command.endswith("predict runs/tune-table-001 NEW.csv")
    said = multilayer("predict", "runs/tune-table-001", "table.csv")
    assert said.returncode == 0, said.stderr
    results = json.loads((tmp_path / "runs/tune-table-001/results.json").read_text())
    assert results["importance"] is None
    assert sum(results["trials"].values()) == 9


def test_quiet_prints_the_estimate_alone(multilayer, table):
    done = multilayer("tune", "table.csv", "--target", "target", "--trials", "2", *QUICK, "--quiet")
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("accuracy 0.")
    assert done.stdout.endswith(", runs/tune-table-001\n")


def test_sixteen_trials_say_what_helped(multilayer, table):
    done = multilayer(
        "tune", "table.csv", "--target", "target", "--trials", "32", *QUICK, "--output", "run",
        "--storage", "sqlite:///study.db",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "what made the difference between trials: " in done.stdout
    assert "sqlite:///study.db, tune-table-target: a new study" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--time", "10m"], "table.csv is a file; name its column to predict with --target"),
        (["--target", "tarjet"], "tarjet"),
        (["--target", "target", "--time", "banana"], "--time must be written as 90s, 10m"),
        (["--target", "target", "--time", "0s"], "must be above 0"),
        (["--target", "target", "--trials", "0"], "at least 1"),
        (["--target", "target", "--trials", "1.5"], "must be a whole number"),
        (["--target", "target", "--recipe", "best"], "recipe"),
        (["--target", "target", "--num-folds", "3"], "--num-folds is not for tune"),
        (["--target", "target", "--study", "x"], "needs a storage"),
        (["--target", "target", "--storage", "banana"], "must be the URL of a database"),
        (["--target", "target", "--validation", "rows.csv"], "divides the rows itself"),
        (["--target", "target", "--memory-limit", "1GB"], "--memory-limit does not go with tune"),
        (["--target", "target", "--learning-rate", "-1"], "--learning-rate"),
        (["--target", "target", "--speed", "9"], "speed"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    multilayer, table, tmp_path, arguments, complaint
):
    done = multilayer("tune", "table.csv", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_storage_that_cannot_be_reached_leaves_no_folder(multilayer, table, tmp_path):
    done = multilayer(
        "tune", "table.csv", "--target", "target",
        "--storage", "postgresql://me:s3cret@127.0.0.1:1/name",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot use the storage postgresql+psycopg://me:***@127.0.0.1:1/name" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nothing.csv", "--target", "target"], "needs a table"),
        ([".", "--target", "target"], "a folder without files; a table needs at least one"),
        (["digits", "--target", "target"], "images with labels of their own; leave --target out"),
        (["digit"], "did you mean 'digits'?"),
        (["."], "lacks train-images-idx3-ubyte"),
        (["digits", "--drop", "x"], "--drop was given without it"),
        (["digits", "--memory-limit", "1GB"], "--memory-limit was given without it"),
        (["digits", "--strict"], "--strict was given without it"),
        (["digits", "--validation", "rows.csv"], "of images it is the fraction held out"),
        (["digits", "--recipe", "best"], "recipe"),
        (["digits", "--augment", "flip"], "mirrored digits"),
        (["digits", "--data-dir", "."], "goes with fashion-mnist"),
    ],
)
def test_what_is_no_table_and_no_images_is_refused(
    tmp_path, monkeypatch, capsys, arguments, complaint
):
    monkeypatch.chdir(tmp_path)
    assert run(["tune", *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


IMAGES = ("tune", "digits", "--hidden-widths", "8", "--max-epochs", "3")


def test_a_search_on_images(multilayer, tmp_path):
    done = multilayer(*IMAGES, "--trials", "5", "--storage", "sqlite:///study.db")
    assert (done.returncode, done.stderr) == (0, "")
    first, place, *_, command = done.stdout.splitlines()
    assert first == "digits: 1,438 training images to search with, 359 test images set aside"
    assert place == "sqlite:///study.db, tune-digits: a new study"
    assert "on 359 test images that the search never saw: accuracy 0." in done.stdout
    assert command.endswith("evaluate runs/tune-digits-001")
    measured = multilayer("evaluate", "runs/tune-digits-001", "--json")
    results = json.loads((tmp_path / "runs/tune-digits-001/results.json").read_text())
    assert json.loads(measured.stdout)["scores"][0]["value"] == results["test_accuracy"]


@pytest.mark.long
def test_sigterm_keeps_a_study_of_images(start_multilayer, tmp_path):
    arguments = ["tune", "digits", "--hidden-widths", "8", "--recipe", "fast"]
    process = start_multilayer(*arguments, "--time", "1h")
    for line in process.stdout:
        if "; best: loss" in line:
            process.send_signal(signal.SIGTERM)
            break
    said, complaints = process.communicate(timeout=600)
    assert process.returncode == 143, complaints
    assert "the study is kept in runs/tune-digits-001/study.journal; the same command" in said
    assert "Traceback" not in complaints
    again = start_multilayer(*arguments, "--trials", "1")
    said, complaints = again.communicate(timeout=600)
    assert again.returncode == 0, complaints
    assert "going on after" in said
    assert (tmp_path / "runs/tune-digits-001/model.safetensors").is_file()


def test_ctrl_c_keeps_the_study_and_the_same_command_goes_on(
    multilayer, start_multilayer, table, tmp_path
):
    arguments = [
        "tune", "table.csv", "--target", "target", "--recipe", "fast", "--hidden-widths", "32",
    ]  # fmt: skip
    process = start_multilayer(*arguments, "--time", "1h")
    for line in process.stdout:
        if "; best: loss" in line:
            process.send_signal(signal.SIGINT)
            break
    said, complaints = process.communicate(timeout=600)
    assert process.returncode == 130, complaints
    assert "the study is kept in runs/tune-table-001/study.journal; the same command" in said
    assert "Traceback" not in complaints
    done = multilayer(*arguments, "--trials", "1")
    assert done.returncode == 0, done.stderr
    assert "going on after" in done.stdout
    assert (tmp_path / "runs/tune-table-001/model.safetensors").is_file()


def test_a_narrow_window_shows_the_best_and_leaves_the_end(table, open_window):
    arguments = ["tune", str(table), "--target", "target", "--trials", "20", *QUICK]
    program = f"""
    import os
    os.chdir({str(table.parent)!r})
    from multilayer.cli import main
    main({arguments!r})
    """
    window = open_window(program, 50, 30)
    assert window.read_to_end() == 0
    text = " ".join(window.everything)
    assert "that the search never saw: accuracy" in text
    assert all(len(line) <= 50 for line in window.everything)
