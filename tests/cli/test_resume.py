"""`multilayer train --resume` as a person runs it: kill −9, at any time, and on."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("multilayer")
FLAGS = (
    "--max-epochs", "40", "--batch-size", "16", "--hidden-widths", "12", "--optimizer", "adam",
    "--learning-rate", "0.003", "--dropout", "0.1", "--average-decay", "0.9", "--augment", "shift",
    "--validation-fraction", "0.2", "--selection", "loss", "--num-threads", "1", "--quiet",
)  # fmt: skip


def checksum(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def history(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in line if name != "seconds"} for line in lines]


def results(run: Path) -> dict:
    content = json.loads((run / "results.json").read_text())
    del content["train_seconds"], content["part_seconds"]
    return content


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run([PROGRAM, "train", "digits", *FLAGS, "--output", run], check=True)
    return run


def kill_and_resume(run: Path, seconds: list[float]) -> int:
    """Kill a run after each of the times, then let it end; how many of them it lived to see."""
    arguments = ["train", "digits", *FLAGS, "--output", run]
    num_kills = 0
    for delay in [*seconds, None]:
        process = subprocess.Popen(
            [PROGRAM, *arguments, "--checkpoint-every", "0.01s"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _, errors = process.communicate(timeout=delay)
            assert (process.returncode, errors) == (0, "")
            return num_kills
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            num_kills += 1
        if (run / "first_layer.png").exists():
            return num_kills  # the last file was there: the process was leaving when it was killed
        if (run / "settings.json").exists():
            arguments = ["train", "--resume", run, "--quiet"]
    raise AssertionError("the last one has no time limit")


def assert_same(run: Path, other: Path) -> None:
    assert checksum(run) == checksum(other)
    assert history(run) == history(other)
    assert results(run) == results(other)


@pytest.mark.long  # tests/cli/test_timed_kills.py kills smaller runs more often
def test_a_run_killed_many_times_ends_as_if_it_had_not_been(uninterrupted, tmp_path):
    num_kills = kill_and_resume(tmp_path / "run", [1.5, 2.2, 1.8])
    assert num_kills >= 2
    assert_same(tmp_path / "run", uninterrupted)
