"""Every operation of every writer fails once, in every way; what is left is old or new, and a run
goes on from it to the same bits."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from faults.faulty_disk import FAILURES, FaultyDisk, Killed, after_power_loss, contents

from multilayer import descriptors, files, growing_files, ordinary_files
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import Training
from multilayer.errors import OutputError
from multilayer.files import remove_leftovers, write_text
from multilayer.growing_files import append_line, sync_file
from multilayer.images.idx import read_idx, write_idx
from multilayer.ordinary_files import whole_lines
from multilayer.runs.checkpoints import CheckpointPlan, Checkpoints

SETTINGS = TrainingSettings(
    hidden_widths=(4,), batch_size=16, max_epochs=2, dropout=0.2, optimizer="adam", num_threads=1
)
DAMAGES_A_POINT = 20


def write_note(folder: Path) -> None:
    write_text(folder / "file", "new" * 1000)


def write_model(folder: Path) -> None:
    write_container(folder / "file", "sample", {"new": True}, {"values": np.arange(999.0)})


def write_images(folder: Path) -> None:
    write_idx(folder / "file", np.arange(5000, dtype=np.int32))


def read_note(path: Path) -> str:
    return path.read_text()


def read_model(path: Path) -> str:
    return json.dumps(read_container(path).document) + str(read_container(path).arrays["values"])


def read_images(path: Path) -> str:
    return str(read_idx(path))


WRITERS = {
    "text": (write_note, read_note),
    "container": (write_model, read_model),
    "idx": (write_images, read_images),
}


def old_and_new(folder: Path, write, read) -> tuple[str, str]:
    """Put something old at the file's place; what reads as old, and what as new."""
    (folder / "new").mkdir()
    write(folder / "new")
    new = read(folder / "new" / "file")
    if write is write_note:
        write_text(folder / "file", "old")
    elif write is write_model:
        write_container(folder / "file", "sample", {"new": False}, {"values": np.zeros(3)})
    else:
        write_idx(folder / "file", np.zeros(7, np.uint8))
    return read(folder / "file"), new


def with_disk(disk: FaultyDisk, monkeypatch, work) -> str:
    """Do something on a disk that fails; how it ended."""
    with monkeypatch.context() as patch:
        for module in (descriptors, files, growing_files, ordinary_files):
            patch.setattr(module, "os", disk)
        try:
            work()
        except Killed:
            return "killed"
        except OutputError as error:
            assert "\n" not in str(error)
            return "error"
        return "done"


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_old_or_new_whatever_fails(name, tmp_path, monkeypatch, count):
    write, read = WRITERS[name]
    old, new = old_and_new(tmp_path, write, read)
    clean = FaultyDisk()
    assert with_disk(clean, monkeypatch, lambda: write(tmp_path)) == "done"
    first = contents(tmp_path / "new")
    for place in range(1, clean.num_operations + 1):
        for failure in FAILURES:
            for lasts in (False, True):
                folder = tmp_path / f"{place}-{failure}-{lasts}"
                folder.mkdir()
                old_and_new(folder, write, read)
                disk = FaultyDisk(place, failure, lasts)
                ended = with_disk(disk, monkeypatch, lambda folder=folder: write(folder))
                found = read(folder / "file")
                assert found in (old, new)
                if ended == "done":
                    assert found == new
                if ended == "error" and not lasts:
                    assert not list(folder.glob(".*")), "an error leaves no temporary file"
                remove_leftovers(folder)
                assert not list(folder.glob(".*"))
                assert ended == ("killed" if failure == "kill" else ended)
                assert failure != "short write" or ended == "done"
                count("points", 1)
    assert contents(tmp_path / "new") == first


def test_lines_that_were_added_are_whole_whatever_fails(tmp_path, monkeypatch, count):
    def add(folder: Path) -> None:
        for number in range(3):
            append_line(folder / "lines", f"line {number} " + "x" * 300)
        sync_file(folder / "lines")

    clean = FaultyDisk()
    (tmp_path / "clean").mkdir()
    with_disk(clean, monkeypatch, lambda: add(tmp_path / "clean"))
    expected = whole_lines(tmp_path / "clean" / "lines")
    assert len(expected) == 3
    for place in range(1, clean.num_operations + 1):
        for failure in FAILURES:
            for lasts in (False, True):
                folder = tmp_path / f"{place}-{failure}-{lasts}"
                folder.mkdir()
                ended = with_disk(
                    FaultyDisk(place, failure, lasts), monkeypatch, lambda f=folder: add(f)
                )
                found = whole_lines(folder / "lines") if (folder / "lines").exists() else []
                assert found == expected[: len(found)]
                assert ended != "done" or found == expected
                append_line(folder / "lines", "after")
                assert whole_lines(folder / "lines") == [*found, "after"]
                count("points", 1)


def examples() -> Examples:
    source = torch.Generator().manual_seed(0)
    return Examples(
        torch.randn(40, 5, generator=source), torch.randint(0, 3, (40,), generator=source)
    )


def run(folder: Path) -> None:
    """A small run with a checkpoint after every batch: begins, or goes on, and ends."""
    remove_leftovers(folder)
    checkpoints = Checkpoints(folder / "checkpoints", CheckpointPlan(None, 0.0))
    state, complaints = checkpoints.latest()
    assert complaints == []
    network = Network.initialized(NetworkSpec(5, 3, SETTINGS.hidden_widths))
    training = Training(network, examples(), SETTINGS, keeper=checkpoints, validation=examples())
    history = []
    if state is not None:
        training.restore(state)
        history = [line(record) for record in state.history]
    write_text(folder / "history.jsonl", "".join(f"{entry}\n" for entry in history))
    with checkpoints:
        for record in training.epochs():
            append_line(folder / "history.jsonl", line(record))
    sync_file(folder / "history.jsonl")
    arrays = {name: view.numpy() for name, view in network.named_parameters()}
    write_container(folder / "model", "sample", {}, arrays)


def line(record) -> str:
    return repr(replace(record, seconds=0.0))


def outcome(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "model").read_bytes(), (folder / "history.jsonl").read_bytes()


def assert_goes_on(folder: Path, expected: tuple[bytes, bytes]) -> None:
    run(folder)
    assert outcome(folder) == expected
    assert not list(folder.rglob(".*.part"))
    assert len(list((folder / "checkpoints").iterdir())) <= 3  # the newest two and the best


@pytest.fixture
def clean_run(tmp_path, monkeypatch) -> tuple[int, tuple[bytes, bytes]]:
    """How many operations a run takes, and what it leaves."""
    folder, disk = tmp_path / "clean", FaultyDisk()
    folder.mkdir()
    assert with_disk(disk, monkeypatch, lambda: run(folder)) == "done"
    return disk.num_operations, outcome(folder)


@pytest.mark.parametrize("turns", [5, pytest.param(1, marks=pytest.mark.long)])
def test_a_run_ends_in_the_same_bits_whatever_failed(
    tmp_path, monkeypatch, clean_run, count, turns
):
    """In the quick test the ways to fail take turns from point to point."""
    num_operations, expected = clean_run
    for place in range(1, num_operations + 1):
        for failure in FAILURES[place % turns :: turns]:
            for lasts in (False, True) if failure in ("EIO", "ENOSPC", "EACCES") else (False,):
                folder = tmp_path / "run" / f"{place}-{failure}-{lasts}"
                folder.mkdir(parents=True)
                with_disk(FaultyDisk(place, failure, lasts), monkeypatch, lambda f=folder: run(f))
                assert_goes_on(folder, expected)
                count("points", 1)


def test_a_kill_while_going_on_after_a_kill(tmp_path, monkeypatch, clean_run, count):
    num_operations, expected = clean_run
    chance = random.Random(0)
    for attempt in range(30):
        folder = tmp_path / "run" / str(attempt)
        folder.mkdir(parents=True)
        for _ in range(4):
            disk = FaultyDisk(chance.randrange(1, num_operations + 1), "kill")
            with_disk(disk, monkeypatch, lambda f=folder: run(f))
            count("kills in process", disk.is_dead)
        assert_goes_on(folder, expected)


def numbered(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_ino, path.read_bytes()) for path in contents(folder)}


def put_back(folder: Path, files: dict[Path, bytes]) -> None:
    folder.mkdir(parents=True)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_old_or_new_after_the_power_went(name, tmp_path, monkeypatch, count):
    write, read = WRITERS[name]
    old, new = old_and_new(tmp_path, write, read)
    before, disk = numbered(tmp_path), FaultyDisk()
    with_disk(disk, monkeypatch, lambda: write(tmp_path))
    chance, target = random.Random(0), tmp_path / "file"
    for place in range(len(disk.journal.events) + 1):
        for _ in range(DAMAGES_A_POINT):
            files = after_power_loss(before, disk.journal.events[:place], chance)
            (tmp_path / "found").write_bytes(files[target])
            found = read(tmp_path / "found")
            assert found in (old, new)
            if place == len(disk.journal.events):
                assert found == new, "what has returned is there"
            count("power losses", 1)


def test_the_simulated_power_loss_finds_a_writer_that_does_not_flush(tmp_path, monkeypatch):
    """The check itself was seen failing: without fsync, files are torn."""
    old, new = old_and_new(tmp_path, write_note, read_note)
    before, disk = numbered(tmp_path), FaultyDisk()
    with_disk(disk, monkeypatch, lambda: write_note(tmp_path))
    careless = [event for event in disk.journal.events if event[0] != "flush"]
    chance = random.Random(0)
    found = {after_power_loss(before, careless, chance)[tmp_path / "file"] for _ in range(200)}
    assert found - {old.encode(), new.encode()}


@pytest.mark.parametrize(
    "damages_a_point", [2, pytest.param(DAMAGES_A_POINT, marks=pytest.mark.long)]
)
def test_a_run_goes_on_after_the_power_went(
    damages_a_point, tmp_path, monkeypatch, clean_run, count
):
    """Every other one is also killed somewhere while it goes on."""
    num_operations, expected = clean_run
    folder, disk = tmp_path / "run", FaultyDisk()
    folder.mkdir()
    with_disk(disk, monkeypatch, lambda: run(folder))
    chance = random.Random(damages_a_point)
    for place in range(len(disk.journal.events) + 1):
        for damage in range(damages_a_point):
            files = after_power_loss({}, disk.journal.events[:place], chance)
            other = tmp_path / f"found-{place}-{damage}"
            put_back(other, {other / path.relative_to(folder): c for path, c in files.items()})
            if damage % 2:
                killer = FaultyDisk(chance.randrange(1, num_operations + 1), "kill")
                with_disk(killer, monkeypatch, lambda other=other: run(other))
                count("kills in process", killer.is_dead)
            assert_goes_on(other, expected)
            count("power losses", 1)
