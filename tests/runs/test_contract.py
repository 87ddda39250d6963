"""What every run keeps to, whatever its data and however many networks it trains."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.cli.application import run as command
from multilayer.drawing import pictures
from multilayer.errors import (
    CheckpointError,
    DataWarning,
    OutputError,
    RunFolderError,
    TrainingDivergedError,
)
from multilayer.files import write_text
from multilayer.fit.column_roles import ColumnRoles
from multilayer.images.idx import write_idx
from multilayer.model.model_file import load_model
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.run import Run
from multilayer.runs.run_documents import read_history, read_results
from multilayer.runs.run_folder import RunFolder
from multilayer.stopwatch import without_times

pytestmark = [
    pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning"),
    pytest.mark.usefixtures("drawings"),
]

QUICK = {"hidden_widths": (6,), "max_epochs": 4, "num_threads": 1, "batch_size": 16}

# Three draws in two waves, of four epochs each.
PACK = {"num_draws": 3, "drawn": ("learning_rate",), "learning_rate": 0.02}


class Kind(NamedTuple):
    """A kind of run."""

    is_table: bool
    changes: dict[str, Any]
    memory_limit: int | None = None

    @property
    def is_pack(self) -> bool:
        """Whether it mixes draws."""
        return "num_draws" in self.changes


KINDS = {
    "images": Kind(False, {}),
    "images, 3 folds": Kind(False, {"num_folds": 3}),
    "images, held-out rows, 3 networks": Kind(
        False, {"num_members": 3, "validation_fraction": 0.2, "selection": "loss"}
    ),
    "table": Kind(True, {}),
    "table, 3 folds": Kind(True, {"num_folds": 3, "validation_fraction": 0.0}),
    "table, 3 networks": Kind(True, {"num_members": 3}),
    "table on the disk": Kind(True, {}, 700_000_000),
    "table, a pack in 3 folds": Kind(True, {**PACK, "num_folds": 3, "validation_fraction": 0.0}),
    "table, a pack in an hour in 3 folds": Kind(
        True, {**PACK, "num_folds": 3, "validation_fraction": 0.0, "time_limit": 3600.0}
    ),
    "images, a pack": Kind(False, {**PACK, "validation_fraction": 0.2, "selection": "loss"}),
}
SEVERAL = [name for name in KINDS if "3" in name and not KINDS[name].is_pack]


@pytest.fixture
def drawings(monkeypatch) -> None:
    """Drawing takes longer than these runs."""
    for name in ("save_learning_curves", "save_first_layer"):
        monkeypatch.setattr(pictures, name, lambda *given, **_: write_text(given[-1], "drawn"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder with the table rows.csv and the images of 3 classes in images/."""
    folder, source = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    size, town = source.normal(size=90), source.choice(["Aa", "Bo", "Cy"], 90)
    label = np.where(size + (town == "Bo") > 0.3, "yes", "no")
    pl.DataFrame({"size": size, "town": town, "y": label}).write_csv(folder / "rows.csv")
    (folder / "images").mkdir()
    for prefix, count in (("train", 80), ("t10k", 30)):
        labels = np.arange(count) % 3
        images = source.integers(0, 120, (count, 4, 4)) + 60 * (labels[:, None, None] == 1)
        write_idx(folder / f"images/{prefix}-images-idx3-ubyte", images.astype(np.uint8))
        write_idx(folder / f"images/{prefix}-labels-idx1-ubyte", labels.astype(np.uint8))
    return folder


@pytest.fixture
def project(data, tmp_path, monkeypatch) -> Path:
    """A project with the data, in which the runs go to run/ and others; the cache is its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(data, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def configuration(name: str, output: str = "run", **changes: Any) -> RunConfiguration:
    kind = KINDS[name]
    settings = {**QUICK, **kind.changes, **changes}
    if not kind.is_table:
        return RunConfiguration("images", None, "chapter", settings, output, "1")
    roles = ColumnRoles(("y",))
    return RunConfiguration(
        "rows.csv", roles, "fast", settings, output, "1", memory_limit=kind.memory_limit
    )


def trained(
    asked: RunConfiguration, *, after: Callable[[Run, int], None] = lambda run, epoch: None
) -> dict[str, Any]:
    """Train to the end; `after` is called after each epoch. The results."""
    run, stop = Run(asked), Event()
    run.stop, run.keeper = stop, run._open.keeper  # for `after`
    try:
        for record in run.epochs(stop):
            after(run, record.epoch)
        return run.finish()
    finally:
        run.close()


def outcome(run: str) -> tuple[Any, list[dict], dict]:
    """What must be the same: the weights, the history, the results; all but times."""
    history = [{**line, "seconds": 0} for line in read_history(run)]
    network = load_model(Path(run)).network
    weights = [one.parameters for one in getattr(network, "networks", [network])]
    return weights, history, without_times(read_results(run))


def assert_same(run: str, other: str) -> None:
    (weights, *rest), (other_weights, *other_rest) = outcome(run), outcome(other)
    assert all(map(torch.equal, weights, other_weights))
    assert len(weights) == len(other_weights)
    assert rest == other_rest


@pytest.mark.parametrize("name", KINDS)
def test_a_run_leaves_a_whole_folder_that_every_command_opens(name, project, capsys):
    results = trained(configuration(name))
    assert results == json.loads(Path("run/results.json").read_text())
    num_epochs = 8 if KINDS[name].is_pack else 4
    assert (results["status"], results["num_epochs"]) == ("finished", num_epochs)
    assert results["num_diverged"] == 0
    is_table = KINDS[name].is_table
    num_networks = 3 if "3" in name else 1
    assert results["num_members"] == load_model(Path("run")).network.num_members == num_networks
    drawn = {"curves.png"} if is_table else {"curves.png", "first_layer.png"}
    files = {"settings.json", "history.jsonl", "results.json", "model.safetensors", "checkpoints"}
    assert {path.name for path in Path("run").iterdir()} == files | drawn
    assert [line["epoch"] for line in read_history("run")] == list(range(1, num_epochs + 1))
    for score in (*results["validation"], *results["test"]):
        assert math.isfinite(score["value"])
    assert results["test" if not is_table else "validation"][0]["name"] == "accuracy"
    with pytest.raises(RunFolderError, match="has finished; there is nothing to resume"):
        RunConfiguration.saved_in("run")
    rows = "rows.csv" if is_table else "images/t10k-images-idx3-ubyte"
    for words in (
        ["report", "run"], ["doctor", "run"], ["inspect", "run"], ["predict", "run", rows],
        ["evaluate", "run", *([rows] if is_table else [])],
    ):  # fmt: skip
        assert command(words) == 0, (words, capsys.readouterr().err)


@pytest.mark.parametrize("name", SEVERAL)
def test_a_network_that_diverges_does_not_end_the_run(name, project):
    def break_one(run: Run, epoch: int) -> None:
        if epoch == 2:
            run.network.parameters[1].fill_(math.nan)

    selects_nothing = {"selection": "last"}
    with pytest.warns(DataWarning, match="1 of 3 networks diverged"):
        results = trained(configuration(name, **selects_nothing), after=break_one)
    assert (results["status"], results["num_diverged"], results["num_members"]) == (
        "finished",
        1,
        2,
    )
    assert all(math.isfinite(line["train_loss"]) for line in read_history("run"))
    assert torch.isfinite(load_model(Path("run")).network.parameters).all()
    for words in (["report", "run"], ["doctor", "run"], ["inspect", "run"]):
        assert command(words) == 0
    assert "Nothing that needs the data" not in Path("run/report.html").read_text()


@pytest.mark.parametrize("name", KINDS)
def test_where_every_network_diverges_the_folder_says_so(name, project):
    with pytest.raises(TrainingDivergedError, match=r"epoch \d, step \d"):
        trained(configuration(name, learning_rate=1e38, batch_norm=False))
    results = read_results("run")
    assert (results["status"], results["validation"], results["test"]) == ("diverged", [], [])
    assert read_history("run")[-1]["train_loss"] is None
    assert not Path("run/model.safetensors").exists()
    with pytest.raises(RunFolderError, match="has diverged; there is nothing to resume"):
        RunConfiguration.saved_in("run")
    assert command(["doctor", "run"]) == 0


@pytest.mark.parametrize("name", KINDS)
def test_a_run_that_was_interrupted_or_killed_ends_in_the_same_bits(name, project):
    last = 6 if KINDS[name].is_pack else 2  # in the second wave

    def copy_and_stop(run: Run, epoch: int) -> None:
        if epoch == last:
            run.keeper.finish()
            shutil.copytree("run", "killed")  # as a kill leaves it
            run.stop.set()

    trained(configuration(name, "whole"))
    results = trained(configuration(name), after=copy_and_stop)
    assert (results["status"], results["num_epochs"]) == ("interrupted", last)
    load_model(Path("run"))  # of what it has learned so far
    for folder in ("run", "killed"):
        saved = RunConfiguration.saved_in(folder)
        assert trained(saved)["status"] == "finished"
        assert_same(folder, "whole")


@pytest.mark.parametrize("name", ["images", "table", "table on the disk"])
def test_one_process_fills_a_folder_that_is_free_and_has_room(name, project, monkeypatch):
    run = Run(configuration(name))
    run.source.close(is_finished=False)
    with pytest.raises(RunFolderError, match="is in use by process"):
        Run(RunConfiguration.saved_in("run"))
    run.close()
    with pytest.raises(OutputError, match="the output folder run is not empty"):
        Run(configuration(name)).close()
    monkeypatch.setattr(RunFolder, "_check_space", _is_full)
    with pytest.raises(OutputError, match="the disk is full"):
        Run(configuration(name, "other"))
    assert not Path("other").exists()


def _is_full(folder: RunFolder, num_bytes_needed: int) -> None:
    raise OutputError(f"the disk is full; {folder.path} needs {num_bytes_needed}")


@pytest.mark.parametrize("name", ["images", "table", "table on the disk"])
def test_a_run_goes_on_where_its_project_has_moved_and_not_with_other_data(
    name, project, monkeypatch
):
    def stop(run: Run, epoch: int) -> None:
        run.stop.set()

    assert trained(configuration(name), after=stop)["status"] == "interrupted"
    moved = project.with_name("moved")
    project.rename(moved)
    monkeypatch.chdir(moved)
    saved = RunConfiguration.saved_in("run")
    assert Path(saved.data).resolve().is_relative_to(moved)
    with pytest.raises(CheckpointError, match="settings seed was 0, now it is 7"):
        Run(saved.changed({"seed": 7}))
    assert trained(saved)["status"] == "finished"
