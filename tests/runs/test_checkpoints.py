"""Which states are kept on disk, when, and what is found there afterwards."""

import time
from dataclasses import replace
from threading import Event

import pytest
import torch

from multilayer.engine.records import EpochRecord
from multilayer.engine.scores import Scores
from multilayer.engine.state import TrainingState
from multilayer.errors import OutputError, SettingsError
from multilayer.runs.checkpoints import CheckpointPlan, Checkpoints

EVERY_TIME = CheckpointPlan(1, 0.0)


def state(epoch: int, num_batches_done: int = 0, accuracy: float = 0.5) -> TrainingState:
    record = EpochRecord(1, 9, (0.5,), Scores((0.5,), (accuracy,)), 0.1)
    history = tuple(replace(record, epoch=number) for number in range(1, epoch))
    parts = {"network": {"parameters": torch.full((1, 4), float(epoch))}}
    return TrainingState(epoch, num_batches_done, 1, 0.0, {}, history, parts)


def keep(checkpoints: Checkpoints, *states: TrainingState) -> None:
    """Keep states; when this returns they are on the disk."""
    with checkpoints:
        for one in states:
            checkpoints.keep(one)


def names(folder) -> list[str]:
    return sorted(path.name.removesuffix(".safetensors") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        (None, CheckpointPlan(1, 30.0)),
        ("1", CheckpointPlan(1, 0.0)),
        ("12", CheckpointPlan(12, 0.0)),
        ("90s", CheckpointPlan(None, 90.0)),
        ("0.5s", CheckpointPlan(None, 0.5)),
    ],
)
def test_a_plan_is_read(text, plan):
    assert CheckpointPlan.read(text) == plan


@pytest.mark.parametrize("text", ["", "0", "-1", "s", "1.5", "nans", "1e3s", "3m", "٣"])
def test_a_plan_that_says_nothing_is_refused(text):
    with pytest.raises(SettingsError, match="must be a number of epochs, such as 3, or of seconds"):
        CheckpointPlan.read(text)


def test_epochs_are_counted(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", CheckpointPlan(2, 0.0))
    assert not checkpoints.is_due(is_epoch_over=False)
    assert not checkpoints.is_due(is_epoch_over=True)
    assert not checkpoints.is_due(is_epoch_over=False)
    assert checkpoints.is_due(is_epoch_over=True)
    keep(checkpoints, state(3))
    assert not checkpoints.is_due(is_epoch_over=True)


def test_seconds_are_counted_on_a_clock_that_nobody_sets(tmp_path, monkeypatch):
    """A wall clock that jumps a day either way changes nothing."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for wall in (0.0, 86_400.0, -86_400.0):
        monkeypatch.setattr(time, "time", lambda wall=wall: 1.7e9 + wall)
        default = Checkpoints(tmp_path / "c")
        by_time = Checkpoints(tmp_path / "c", CheckpointPlan.read("10s"))
        now += 9.9
        assert not by_time.is_due(is_epoch_over=False)
        now += 0.2
        assert by_time.is_due(is_epoch_over=False)
        assert by_time.is_due(is_epoch_over=True)
        assert not default.is_due(is_epoch_over=True)
        now += 20
        assert not default.is_due(is_epoch_over=False)
        assert default.is_due(is_epoch_over=True)


def test_the_newest_two_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", EVERY_TIME)
    for epoch, accuracy in ((2, 0.5), (3, 0.9), (4, 0.6), (5, 0.7), (6, 0.8)):
        keep(checkpoints, state(epoch, accuracy=accuracy))
    assert names(tmp_path / "c") == [f"epoch-0000{n}-batch-0000000" for n in (3, 5, 6)]
    keep(checkpoints, state(6, 4, accuracy=0.99))  # within an epoch: no score of its own
    assert names(tmp_path / "c")[0] == "epoch-00003-batch-0000000"


def test_what_was_kept_is_found_and_counted_again(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", EVERY_TIME)
    for epoch, accuracy in ((2, 0.9), (9, 0.6), (10, 0.7)):
        keep(checkpoints, state(epoch, accuracy=accuracy))
    again = Checkpoints(tmp_path / "c", EVERY_TIME)
    found, notes = again.latest()
    assert (found.epoch, notes) == (10, [])
    keep(again, state(11))
    assert names(tmp_path / "c") == [
        "epoch-00002-batch-0000000", "epoch-00010-batch-0000000", "epoch-00011-batch-0000000",
    ]  # fmt: skip


def test_no_folder_is_no_state(tmp_path):
    assert Checkpoints(tmp_path / "c").latest() == (None, [])


def test_a_damaged_newest_one_is_named_and_the_older_one_taken(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", EVERY_TIME)
    for epoch in (2, 3):
        keep(checkpoints, state(epoch))
    path = tmp_path / "c" / "epoch-00003-batch-0000000.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "c" / ".0123.part").write_bytes(b"half")
    again = Checkpoints(tmp_path / "c", EVERY_TIME)
    found, notes = again.latest()
    assert found.epoch == 2
    assert len(notes) == 1
    assert "a damaged checkpoint is skipped: " in notes[0]
    keep(again, state(2, 5))
    assert names(tmp_path / "c") == ["epoch-00002-batch-0000000", "epoch-00002-batch-0000005"]


def test_the_older_one_stays_until_the_newer_one_was_read_back(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "c", EVERY_TIME, num_kept=1)
    keep(checkpoints, state(2, accuracy=0.1))
    save = TrainingState.save

    def save_badly(self, path):
        checksum = save(self, path)
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        return checksum

    monkeypatch.setattr(TrainingState, "save", save_badly)
    with pytest.raises(OutputError, match="a checkpoint is damaged after writing"):
        keep(checkpoints, state(3))
    monkeypatch.undo()
    assert Checkpoints(tmp_path / "c").latest()[0].epoch == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "c").touch()
    with pytest.raises(OutputError, match="cannot make the folder .*/c: file exists"):
        keep(Checkpoints(tmp_path / "c"), state(2))


def test_what_failed_in_the_background_is_told_once_by_the_next(tmp_path):
    (tmp_path / "c").touch()
    checkpoints = Checkpoints(tmp_path / "c", EVERY_TIME)
    checkpoints.keep(state(2))
    with pytest.raises(OutputError, match="cannot make the folder"):
        checkpoints.keep(state(3))
    checkpoints.finish()


def test_an_error_of_the_training_is_the_one_that_is_told(tmp_path):
    (tmp_path / "c").touch()
    with pytest.raises(ValueError, match="diverged"), Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.keep(state(2))
        raise ValueError("diverged")
    checkpoints.finish()


def test_training_goes_on_while_a_state_is_written(tmp_path, monkeypatch):
    may_write, save = Event(), TrainingState.save
    monkeypatch.setattr(
        TrainingState, "save", lambda self, path: may_write.wait(60) and save(self, path)
    )
    with Checkpoints(tmp_path / "c", EVERY_TIME) as checkpoints:
        checkpoints.keep(state(2))
        assert not (tmp_path / "c").exists() or names(tmp_path / "c") == []
        may_write.set()
    assert names(tmp_path / "c") == ["epoch-00002-batch-0000000"]
