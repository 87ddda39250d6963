"""A whole run on a table, on a disk that fails: it goes on to the same bits, whatever failed."""

import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from faults.faulty_disk import FAILURES, FaultyDisk, Killed, after_power_loss, contents

from multilayer import descriptors, files, growing_files, ordinary_files
from multilayer.drawing import pictures
from multilayer.errors import OutputError, RunFolderError, TableError
from multilayer.files import write_text
from multilayer.fit.column_roles import ColumnRoles
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.run import Run
from multilayer.runs.run_documents import read_history, read_json
from multilayer.stopwatch import without_times

CHANGES = {
    "hidden_widths": (3,), "max_epochs": 2, "batch_size": 16, "dropout": 0.2, "num_threads": 1,
    "num_folds": 2,
}  # fmt: skip
FAULTS = [
    (failure, lasts)
    for failure in FAILURES
    for lasts in ((False, True) if failure in ("EIO", "ENOSPC", "EACCES") else (False,))
]


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    source = np.random.default_rng(0)
    size = source.uniform(0, 9, 60)
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    pl.DataFrame(
        {
            "size": size, "town": source.choice(["Aa", "Bo"], 60),
            "weight": source.integers(1, 4, 60), "price": size + source.normal(0, 1, 60),
        }
    ).write_csv(path)  # fmt: skip
    return path


@pytest.fixture(autouse=True)
def pictures_of_text(monkeypatch) -> None:
    """Drawing takes longer than the run; what is written here goes to the disk in the same way."""
    monkeypatch.setattr(
        pictures, "save_learning_curves", lambda history, path: write_text(path, "drawn" * 99)
    )


def run(table: Path, folder: Path) -> None:
    """Begin, or go on, and end, with a checkpoint after every batch; as the command line does."""
    if (folder / "settings.json").exists():
        try:
            saved = RunConfiguration.saved_in(folder)
        except RunFolderError as error:
            assert "there is nothing to resume" in str(error)
            return
        one = Run(saved.changed({}, checkpoint_every="0s"))
    else:
        roles = ColumnRoles(("price",), weight="weight")
        one = Run(RunConfiguration(table, roles, None, CHANGES, folder, checkpoint_every="0s"))
    assert one.notes == ()
    with one.folder:
        for _ in one.epochs():
            pass
        one.finish()


def with_disk(disk: FaultyDisk, monkeypatch, table: Path, folder: Path) -> str:
    with monkeypatch.context() as patch:
        for module in (descriptors, files, growing_files, ordinary_files):
            patch.setattr(module, "os", disk)
        try:
            run(table, folder)
        except Killed:
            return "killed"
        except (OutputError, TableError) as error:
            assert "\n" not in str(error)
            assert isinstance(error, OutputError) or f"cannot read {table}" in str(error)
            return "error"
        return "done"


def outcome(folder: Path) -> tuple[bytes, list[dict], dict]:
    history = [{k: v for k, v in line.items() if k != "seconds"} for line in read_history(folder)]
    results = without_times(read_json(folder, "results.json"))
    return (folder / "model.safetensors").read_bytes(), history, results


def assert_goes_on(table: Path, folder: Path, expected: tuple) -> None:
    run(table, folder)
    assert outcome(folder) == expected
    assert not list(folder.rglob(".*"))
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "settings.json", "history.jsonl", "results.json", "model.safetensors", "curves.png",
        "checkpoints",
    }  # fmt: skip
    assert len(list((folder / "checkpoints").iterdir())) <= 3  # the newest two and the best


@pytest.fixture
def clean_run(table, tmp_path, monkeypatch) -> tuple[int, tuple]:
    """How many operations a run takes, and what it leaves."""
    disk = FaultyDisk()
    assert with_disk(disk, monkeypatch, table, tmp_path / "clean") == "done"
    return disk.num_operations, outcome(tmp_path / "clean")


@pytest.mark.parametrize(
    "num_faults_a_point", [1, pytest.param(len(FAULTS), marks=pytest.mark.long)]
)
def test_a_run_ends_in_the_same_bits_whatever_failed(
    table, tmp_path, monkeypatch, clean_run, count, num_faults_a_point
):
    """In the quick test the ways to fail take turns from point to point, at every other one."""
    num_operations, expected = clean_run
    for place in range(1, num_operations + 1, 2 if num_faults_a_point == 1 else 1):
        for number in range(num_faults_a_point):
            failure, lasts = FAULTS[(place + number) % len(FAULTS)]
            folder = tmp_path / f"{place}-{failure}-{lasts}"
            ended = with_disk(FaultyDisk(place, failure, lasts), monkeypatch, table, folder)
            assert failure not in ("kill", "short write") or ended in ("killed", "done")
            assert_goes_on(table, folder, expected)
            count("points", 1)


def test_a_kill_at_every_fifth_operation_and_again_while_going_on(
    table, tmp_path, monkeypatch, clean_run, count
):
    num_operations, expected = clean_run
    chance = random.Random(0)
    for place in range(1, num_operations + 1, 5):
        folder = tmp_path / str(place)
        for other in (place, chance.randrange(1, num_operations + 1)):
            disk = FaultyDisk(other, "kill")
            with_disk(disk, monkeypatch, table, folder)
            count("kills in process", disk.is_dead)
        assert_goes_on(table, folder, expected)


def test_a_run_goes_on_after_the_power_went(table, tmp_path, monkeypatch, clean_run, count):
    _, expected = clean_run
    folder, disk = tmp_path / "run", FaultyDisk()
    folder.mkdir()
    with_disk(disk, monkeypatch, table, folder)
    chance, events = random.Random(0), disk.journal.events
    for place in range(0, len(events) + 1, 5):
        files = after_power_loss({}, events[:place], chance)
        found = tmp_path / f"found-{place}"
        found.mkdir()
        for path, content in files.items():
            target = found / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        assert_goes_on(table, found, expected)
        count("power losses", 1)
    assert contents(folder)
