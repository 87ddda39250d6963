"""A run on a table that was left goes on to the same bits, or is refused with what differs."""

import json
import shutil
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run as command
from multilayer.runs.run_documents import read_history, read_json
from multilayer.stopwatch import without_times

pytestmark = pytest.mark.usefixtures("batch_by_batch")

QUICK = ("--hidden-widths", "8", "--num-threads", "1", "--quiet")
BATCHES = ("--batch-size", "32")
CASES = {
    "chapter": ("--target", "price", "--recipe", "chapter", "--max-epochs", "5"),
    "fast": ("--target", "class", "--recipe", "fast", "--max-epochs", "5", "--drop", "price"),
    "default": ("--target", "price", "--max-epochs", "5", "--as", "size=numeric"),
    "best": ("--target", "class", "--recipe", "best", "--max-epochs", "4"),
    "best in time": (
        "--target", "price", "--recipe", "best", "--max-epochs", "4", "--time-column", "sold",
    ),
    "validation": ("--target", "price", "--max-epochs", "4", "--validation", "more.csv"),
    "validation of folds": (
        "--target", "class", "--recipe", "best", "--max-epochs", "3", "--validation", "more.csv",
    ),
    "nothing held out": ("--target", "class", "--max-epochs", "4", "--validation", "0"),
    "weights and groups": (
        "--target", "price", "--max-epochs", "4", "--weight", "trust", "--group-by", "street",
    ),
    "two targets": ("--target", "price", "--target", "size", "--max-epochs", "4"),
    "a whole batch": ("--target", "class", "--max-epochs", "9"),
}  # fmt: skip


def houses(num_rows: int, seed: int) -> pl.DataFrame:
    source = np.random.default_rng(seed)
    size, town = source.uniform(20, 200, num_rows), source.choice(["Aa", "Bo", "Cy"], num_rows)
    price = 2 * size + 30 * (town == "Bo") + source.normal(0, 5, num_rows)
    return pl.DataFrame(
        {
            "size": size.round(2), "town": town,
            "sold": [f"2024-{n * 12 // num_rows + 1:02d}-03" for n in range(num_rows)],
            "street": source.integers(0, 40, num_rows), "trust": source.integers(0, 4, num_rows),
            "price": price, "class": np.where(price > 220, "dear", "cheap"),
        }
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    houses(160, 0).write_csv("houses.csv")
    houses(60, 1).write_csv("more.csv")
    return tmp_path


class Left(BaseException):
    """The process is gone."""


def leave_after(monkeypatch, num_checkpoints: int) -> None:
    """Let runs in this process end as by a kill, once so many states have been kept."""
    from multilayer.runs.checkpoints import Checkpoints

    keep, left = Checkpoints.keep, [num_checkpoints]

    def keep_and_leave(self, state) -> None:
        keep(self, state)
        left[0] -= 1
        if left[0] == 0:
            raise Left

    monkeypatch.setattr(Checkpoints, "keep", keep_and_leave)


def outcome(run: Path) -> tuple[bytes, list[dict], dict]:
    history = [{k: v for k, v in line.items() if k != "seconds"} for line in read_history(run)]
    results = without_times(read_json(run, "results.json"))
    return (run / "model.safetensors").read_bytes(), history, results


def begin_and_leave(monkeypatch, arguments: tuple[str, ...], num_checkpoints: int) -> None:
    with monkeypatch.context() as patch, pytest.raises(Left):
        leave_after(patch, num_checkpoints)
        command(["train", *arguments, "--checkpoint-every", "0s"])


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_was_left_three_times_ends_in_the_same_bits(name, folder, monkeypatch):
    arguments = ("houses.csv", *QUICK, *([] if name == "a whole batch" else BATCHES), *CASES[name])
    assert command(["train", *arguments, "--output", "whole"]) == 0
    expected = outcome(folder / "whole")
    num_steps = sum(line["num_steps"] for line in expected[1])
    begin_and_leave(monkeypatch, (*arguments, "--output", "run"), num_steps // 3)
    for num_checkpoints in (1, num_steps // 3):
        begin_and_leave(monkeypatch, ("--resume", "run", "--quiet"), num_checkpoints)
        assert not (folder / "run" / "results.json").exists()
    assert command(["train", "--resume", "run", "--quiet"]) == 0
    assert outcome(folder / "run") == expected
    names = {path.name for path in (folder / "run").iterdir()}
    assert names == {path.name for path in (folder / "whole").iterdir()} | {"checkpoints"}


@pytest.fixture
def left_run(folder, monkeypatch) -> Path:
    arguments = ("houses.csv", *QUICK, *BATCHES, *CASES["validation"], "--output", "run")
    begin_and_leave(monkeypatch, arguments, 8)
    return folder / "run"


def complaint(capsys, *arguments: str) -> str:
    assert command(["train", *arguments]) == 2
    return capsys.readouterr().err


def test_going_on_is_said(left_run, capsys):
    assert command(["train", "--resume", "run"]) == 0
    shown = capsys.readouterr().out
    assert "going on in epoch 2, where 2 batches were done" in shown
    assert "epoch 2/4: train_loss" in shown
    assert "epoch 1/4: " not in shown
    assert "there is nothing to resume" in complaint(capsys, "--resume", "run")


@pytest.mark.parametrize("name", ["houses.csv", "more.csv"])
def test_other_rows_are_refused(left_run, capsys, name):
    text = Path(name).read_text()
    Path(name).write_text(text.replace("Aa", "Ab", 1))
    message = complaint(capsys, "--resume", "run")
    assert "this is not the training that was saved" in message
    assert f"data {'' if name == 'houses.csv' else 'validation_'}sha256 was " in message
    Path(name).write_text(text)
    assert command(["train", "--resume", "run", "--quiet"]) == 0


def test_other_settings_versions_and_flags_are_refused(left_run, capsys):
    message = complaint(capsys, "--resume", "run", "--learning-rate", "0.5")
    assert "settings --learning-rate was 0.1, now it is 0.5" in message
    assert "settings --max-epochs was 4, now it is 9" in complaint(
        capsys, "--resume", "run", "--max-epochs", "9"
    )
    assert "data sha256 was " in complaint(capsys, "more.csv", "--resume", "run")
    for flags in (["--target", "price"], ["--as", "size=numeric"], ["--strict"], ["--output", "x"]):
        assert f"{flags[0]} does not go with --resume" in complaint(
            capsys, "--resume", "run", *flags
        )
    saved = json.loads((left_run / "settings.json").read_text())
    saved["versions"]["polars"] = "0.1"
    (left_run / "settings.json").write_text(json.dumps(saved))
    assert "versions polars was 0.1, now it is " in complaint(capsys, "--resume", "run")
    saved["data"]["roles"] = 3
    (left_run / "settings.json").write_text(json.dumps(saved))
    assert "data.roles must be an object; it is 3" in complaint(capsys, "--resume", "run")


def test_a_state_of_another_run_is_refused(left_run, folder, monkeypatch, capsys):
    other = (
        "houses.csv",
        *QUICK,
        *BATCHES,
        *CASES["validation"],
        "--seed",
        "1",
        "--output",
        "other",
    )
    begin_and_leave(monkeypatch, other, 8)
    shutil.rmtree(left_run / "checkpoints")
    shutil.copytree(folder / "other" / "checkpoints", left_run / "checkpoints")
    assert "settings seed was 1, now it is 0" in complaint(capsys, "--resume", "run")


def test_a_damaged_state_is_named_and_the_one_before_taken(left_run, capsys):
    newest = max((left_run / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    assert command(["train", "--resume", "run", "--quiet"]) == 0
    assert "note: a damaged checkpoint is skipped: " in capsys.readouterr().err


def test_what_came_through_a_pipe_cannot_be_read_again(left_run, capsys):
    saved = json.loads((left_run / "settings.json").read_text())
    saved["data"]["load"] = "-"
    (left_run / "settings.json").write_text(json.dumps(saved))
    assert "came from the standard input" in complaint(capsys, "--resume", "run")


def test_seconds_are_counted_though_the_clock_jumps_a_day_either_way(folder, monkeypatch):
    real, jumps = time.time, cycle([86_400.0, -86_400.0, 0.0])
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    arguments = ("houses.csv", *QUICK, *BATCHES, *CASES["chapter"], "--output", "run")
    began = time.perf_counter()
    begin_and_leave(monkeypatch, arguments, 8)
    assert command(["train", "--resume", "run", "--quiet"]) == 0
    taken = time.perf_counter() - began
    results = read_json("run", "results.json")
    seconds = [line["seconds"] for line in read_history("run")]
    for value in (*seconds, results["train_seconds"], *results["part_seconds"].values()):
        assert 0 < value < taken
    assert sum(seconds) == pytest.approx(results["train_seconds"])
