"""A run whose table, or whole project, has moved: the content counts, not the path."""

from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run as command
from multilayer.fit.moved_data import file_digest, find_table
from multilayer.images.idx import write_idx
from multilayer.runs.inspection import inspect_table
from multilayer.runs.run_folder import read_json

FLAGS = [
    "--target",
    "y",
    "--recipe",
    "fast",
    "--hidden-widths",
    "8",
    "--max-epochs",
    "4",
    "--quiet",
]


def interrupt(monkeypatch) -> None:
    """Let trainings stop after their first epoch."""

    class Stop(Event):
        number, exit_code = 2, 130
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 3

    @contextmanager
    def stopping():
        yield Stop()

    monkeypatch.setattr("multilayer.cli.train.stop_on_interrupt", stopping)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project, in which we are, with a table; its cache of encoded rows is within."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    source = np.random.default_rng(0)
    a, b = source.normal(size=(2, 600))
    pl.DataFrame({"a": a, "b": b, "y": np.where(a * b > 0, "yes", "no")}).write_csv(
        folder / "data/t.csv"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


def moved(project: Path, monkeypatch) -> Path:
    elsewhere = project.with_name("elsewhere")
    project.rename(elsewhere)
    monkeypatch.chdir(elsewhere)
    return elsewhere


@pytest.mark.parametrize("limit", [[], ["--memory-limit", "1GB"]], ids=["memory", "chunks"])
@pytest.mark.parametrize("given", [[], ["data/t.csv"]], ids=["found", "named"])
def test_a_moved_project_goes_on(project, monkeypatch, capsys, limit, given):
    with monkeypatch.context() as patch:
        interrupt(patch)
        assert command(["train", "data/t.csv", *FLAGS, *limit, "--output", "runs/first"]) == 130
    folder = moved(project, monkeypatch)
    capsys.readouterr()
    code = command(["train", *given, "--resume", "runs/first", "--quiet"])
    assert (code, capsys.readouterr().err) == (0, "")
    assert read_json("runs/first", "settings.json")["data"]["load"] == str(folder / "data/t.csv")
    assert read_json("runs/first", "results.json")["status"] == "finished"
    assert command(["train", "data/t.csv", *FLAGS, *limit, "--output", "whole"]) == 0
    one, other = (Path(run, "model.safetensors").read_bytes() for run in ("runs/first", "whole"))
    assert one == other


def test_another_content_is_refused_with_what_differs(project, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt(patch)
        assert command(["train", "data/t.csv", *FLAGS, "--output", "run"]) == 130
    Path("data/t.csv").rename("data/u.csv")
    capsys.readouterr()
    assert command(["train", "--resume", "run", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "data/t.csv, which the run run was begun with, is not there any more" in said
    assert "train TABLE --resume run" in said
    Path("data/u.csv").write_text(Path("data/u.csv").read_text() + "1,1,yes\n")
    assert command(["train", "data/u.csv", "--resume", "run", "--quiet"]) == 2
    assert "data sha256 was" in capsys.readouterr().err


def test_all_that_looks_at_a_run_finds_its_table_or_is_told(project, monkeypatch, capsys):
    assert command(["train", "data/t.csv", *FLAGS, "--output", "run"]) == 0
    moved(project, monkeypatch)
    assert command(["doctor", "run"]) == 0
    assert inspect_table("run").num_rows == 120
    Path("data/t.csv").rename("data/u.csv")
    capsys.readouterr()
    assert command(["doctor", "run"]) == 2
    assert (
        "t.csv of the run run no longer exists; name the file where it" in capsys.readouterr().err
    )
    assert "no longer exists; name a table" in inspect_table("run").reason
    assert command(["doctor", "run", "data/u.csv"]) == 0
    Path("data/u.csv").write_text(Path("data/u.csv").read_text().replace("yes", "Yes"))
    capsys.readouterr()
    assert command(["picture", "run", "data/u.csv"]) == 2
    assert "has changed since the run run: its SHA-256" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_a_run_that_held_nothing_out_says_so(project):
    flags = [*FLAGS, "--validation", "0"]
    assert command(["train", "data/t.csv", *flags, "--output", "run"]) == 0
    assert inspect_table("run").reason.startswith("the run held no rows out; name a table")


def test_pictures_that_moved_are_found(tmp_path, monkeypatch, capsys):
    project, source = tmp_path / "project", np.random.default_rng(0)
    (project / "images").mkdir(parents=True)
    monkeypatch.chdir(project)
    for prefix, num_rows in (("train", 90), ("t10k", 30)):
        pictures = source.integers(0, 255, (num_rows, 4, 4)).astype(np.uint8)
        write_idx(project / f"images/{prefix}-images-idx3-ubyte", pictures)
        write_idx(
            project / f"images/{prefix}-labels-idx1-ubyte", np.arange(num_rows, dtype=np.uint8) % 10
        )
    flags = ["--hidden-widths", "8", "--max-epochs", "3", "--batch-size", "30", "--quiet"]
    with monkeypatch.context() as patch:
        interrupt(patch)
        assert command(["train", "images", *flags, "--output", "run"]) == 130
    moved(project, monkeypatch)
    assert command(["train", "--resume", "run", "--quiet"]) == 0, capsys.readouterr().err
    assert command(["doctor", "run"]) == 0


def test_only_the_same_content_is_taken_for_a_file_that_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/t.csv").write_text("of ours")
    digest = file_digest("a/t.csv")
    assert find_table("a/run", "/old/place/t.csv", digest) == str(tmp_path / "a/t.csv")
    (tmp_path / "a/t.csv").write_text("of others")
    assert find_table("a/run", "/old/place/t.csv", digest) == "/old/place/t.csv"
    assert find_table("a/run", "/old/place/t.csv", None) == "/old/place/t.csv"
