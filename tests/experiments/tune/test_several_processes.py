"""Two processes on one study, of which one is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

SECONDS_UNTIL_STUCK = 600
NUM_TRIALS = 24


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows enough that a group takes a second."""
    data = load_breast_cancer(as_frame=True).frame
    pl.DataFrame({name: data[name].to_numpy() for name in data}).write_csv(tmp_path / "table.csv")
    return tmp_path / "table.csv"


@contextmanager
def tuning(table: Path, folder: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [
        Path(sys.executable).with_name("multilayer"), "tune", table, "--target", "target",
        "--trials", str(NUM_TRIALS), "--hidden-widths", "32", "--max-epochs", "60",
        "--recipe", "fast", "--num-threads", "1", "--batch-size", "64", "--output", folder,
        *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=table.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_in_the_middle(process: subprocess.Popen[str], study: optuna.Study) -> list[int]:
    """Kill a process while it trains, and say which trials it had."""
    until = time.monotonic() + SECONDS_UNTIL_STUCK
    while time.monotonic() < until:
        workers = [
            name.removeprefix("worker ")
            for name, sign in study.user_attrs.items()
            if name.startswith("worker ") and sign["pid"] == process.pid
        ]
        running = study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
        theirs = [trial for trial in running if trial.user_attrs.get("worker") in workers]
        if workers and any(trial.intermediate_values for trial in theirs):
            process.send_signal(signal.SIGKILL)
            process.wait()
            after = study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
            return [t.number for t in after if t.user_attrs.get("worker") in workers]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    raise AssertionError("the process trains nothing")


def wait_for_study(name: str, storage) -> optuna.Study:
    until = time.monotonic() + SECONDS_UNTIL_STUCK
    while True:
        try:
            return optuna.load_study(study_name=name, storage=storage())
        except KeyError:
            assert time.monotonic() < until
            time.sleep(0.1)


def check(study: optuna.Study, killed: list[int]) -> None:
    """Every trial of the killed process was failed and tried again, and all were trained."""
    trials = study.trials
    assert killed
    again = {t.user_attrs["retry_of"]: t for t in trials if "retry_of" in t.user_attrs}
    for number in killed:
        assert trials[number].state.name == "FAIL"
        assert again[number].params == trials[number].params
        assert again[number].state.name in ("COMPLETE", "PRUNED")
    states = [trial.state.name for trial in trials]
    assert set(states) <= {"COMPLETE", "PRUNED", "FAIL"}
    assert NUM_TRIALS <= len(states) - states.count("FAIL") <= NUM_TRIALS + 8


def test_trials_of_a_killed_process_are_tried_again_by_the_other(postgresql, table):
    storage = ["--storage", postgresql.url(), "--study", "two processes"]
    database = optuna.storages.RDBStorage(postgresql.url())
    with tuning(table, "other", *storage) as other, tuning(table, "one", *storage) as one:
        study = wait_for_study("two processes", lambda: database)
        killed = kill_in_the_middle(other, study)
        said, _ = one.communicate(timeout=SECONDS_UNTIL_STUCK)
        assert one.returncode == 0, said
    check(study, killed)
    database.engine.dispose()
    assert (table.parent / "one" / "model.safetensors").is_file()
    assert "p4ss" not in said


def test_a_killed_study_in_a_journal_goes_on_in_two_processes(table):
    def storage() -> optuna.storages.JournalStorage:
        path = str(table.parent / "run" / "study.journal")
        if not Path(path).is_file():
            raise KeyError
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))

    with tuning(table, "run") as first:
        study = wait_for_study("tune", storage)
        killed = kill_in_the_middle(first, study)
    with tuning(table, "run") as second, tuning(table, "run") as third:
        for process in (second, third):
            said, _ = process.communicate(timeout=SECONDS_UNTIL_STUCK)
            assert process.returncode == 0, said
    check(study, killed)
    assert (table.parent / "run" / "model.safetensors").is_file()
