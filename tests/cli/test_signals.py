"""Signals that ask a command to end: the work is kept, and a second one ends it at once."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fork_server import Forked

from multilayer.cli.application import run as command
from multilayer.cli.interrupts import receive_signals, stop_on_interrupt
from multilayer.runs.run_folder import RunFolder

LONG = ["--recipe", "fast", "--hidden-widths", "8", "--max-epochs", "100000"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a table."""
    folder, source = tmp_path_factory.mktemp("signals"), np.random.default_rng(0)
    a, b = source.normal(size=(2, 300))
    pl.DataFrame({"a": a, "b": b, "y": np.where(a * b > 0, "yes", "no")}).write_csv(
        folder / "t.csv"
    )
    return folder


@pytest.fixture
def start(start_multilayer, folder: Path) -> Callable[..., Forked]:
    """A command in a process; `before` is Python that runs in it first."""
    return partial(start_multilayer, cwd=folder)


def start_at_its_beginning(folder: Path, before: str) -> subprocess.Popen[str]:
    """One that has loaded nothing; `before` is Python that runs in it first."""
    program = f"{before}\nfrom multilayer.cli import main\nmain(['inspect', 'run'])"
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def read_until(
    process: Forked | subprocess.Popen[str], mark: str, *, of_errors: bool = False
) -> None:
    stream = process.stderr if of_errors else process.stdout
    for line in stream:
        if mark in line:
            return
    raise AssertionError(f"it ended without {mark!r}: {process.communicate()}")


@pytest.mark.parametrize(
    ("number", "flags"),
    [(signal.SIGTERM, []), (signal.SIGHUP, ["--memory-limit", "1GB"])],
    ids=["term", "hup in chunks"],
)
def test_a_training_keeps_its_work(start, tmp_path, number, flags):
    run = tmp_path / "a run"
    process = start("train", "t.csv", "--target", "y", *LONG, *flags, "--output", str(run))
    read_until(process, "epoch 1/")
    process.send_signal(number)
    said, complaints = process.communicate()
    assert process.returncode == 128 + number
    assert "stopping after this batch; the next signal to stop at once" in complaints
    assert f"--resume '{run}'" in said.splitlines()[-1]
    assert list((run / "checkpoints").glob("epoch-*"))
    assert json.loads((run / "results.json").read_text())["status"] == "interrupted"
    assert (run / "model.safetensors").is_file()


def test_a_study_a_comparison_and_a_search_keep_what_they_know(start, tmp_path):
    table = ["t.csv", "--target", "y"]
    cases = {
        ("study", "width", *table, "--settings", "fast,max_epochs=3"): ("32: ", "study.md"),
        ("compare", *table, "fast,max_epochs=3", "fast,max_epochs=3,dropout=0.1",
         "--matters", "0.000001", "--max-seeds", "100000"): ("after 5 seeds", "comparison.md"),
        ("tune", *table, "--time", "1h", "--recipe", "fast", "--hidden-widths", "8"):
            ("; best: loss", "study.journal"),
    }  # fmt: skip
    for number, (arguments, (mark, left)) in enumerate(cases.items()):
        output = tmp_path / str(number)
        process = start(*arguments, "--output", str(output))
        read_until(process, mark, of_errors=arguments[0] == "study")
        process.send_signal(signal.SIGTERM)
        said, complaints = process.communicate()
        assert (process.returncode, "Traceback" in complaints) == (143, False), complaints
        assert (output / left).is_file(), (said, complaints)


def test_the_second_signal_ends_at_once(start, tmp_path):
    """It comes while the first one is being answered, which here takes for ever."""
    before = """
import time
import multilayer.runs.run as run
def score(self):
    print("finishing", flush=True)
    time.sleep(3600)
run.Run.score = score
"""
    flags = ["--target", "y", *LONG, "--output", str(tmp_path / "run")]
    process = start("train", "t.csv", *flags, before=before)
    read_until(process, "epoch 1/")
    process.send_signal(signal.SIGINT)
    read_until(process, "finishing")
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate()
    assert process.returncode == 143
    assert complaints.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in complaints


WAITING = """
import importlib.machinery, sys
def waiting(module):
    import time
    try:
        print("waiting", flush=True)
        time.sleep(3600)
    finally:
        print("cleaning up", flush=True)
        {cleaning}
find = importlib.machinery.PathFinder.find_spec
class Finder:
    def find_spec(name, path=None, target=None):
        spec = None
        if name == {name!r}:
            spec = find(name, path)
            spec.loader.exec_module = waiting
        return spec
sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize("name", ["multilayer.cli.application", "multilayer.runs.run_folder"])
@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_a_signal_while_parts_are_loaded_is_one_line(folder, name, again):
    cleaning = "time.sleep(3600)" if again else "raise ImportError('interrupted, too')"
    process = start_at_its_beginning(folder, WAITING.format(name=name, cleaning=cleaning))
    read_until(process, "waiting")
    process.send_signal(signal.SIGHUP)
    if again:
        read_until(process, "cleaning up")
        process.send_signal(signal.SIGINT)
    _, complaints = process.communicate()
    expected = (130 if again else 129, "error: interrupted\n")
    assert (process.returncode, complaints) == expected


def test_what_is_ignored_stays_ignored(start, tmp_path):
    """As nohup has it for SIGHUP."""
    before = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)"
    flags = ["--target", "y", *LONG, "--output", str(tmp_path / "run")]
    process = start("train", "t.csv", *flags, before=before)
    read_until(process, "epoch 1/")
    process.send_signal(signal.SIGHUP)
    read_until(process, "epoch 9/")
    process.terminate()
    process.communicate()
    assert process.returncode == 143


def test_a_process_that_calls_us_keeps_its_handlers(folder, tmp_path, monkeypatch):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    hook = sys.unraisablehook
    with stop_on_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()
        assert stop.exit_code == 143
    with pytest.raises(KeyboardInterrupt), receive_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert sys.unraisablehook is hook


class _SignalsWhileItWrites(io.RawIOBase):
    """A stream in the middle of whose first write a signal comes."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        first = not self.written
        self.written += bytes(data)
        if first:
            os.kill(os.getpid(), signal.SIGTERM)
        return len(data)


def test_a_signal_while_something_is_printed_is_answered_too(monkeypatch):
    stream = _SignalsWhileItWrites()
    monkeypatch.setattr(
        sys, "stderr", io.TextIOWrapper(io.BufferedWriter(stream), line_buffering=True)
    )
    with stop_on_interrupt() as stop:
        print("one line", file=sys.stderr)
        assert stop.is_set()
    assert stream.written.splitlines() == [
        b"one line", b"stopping after this batch; the next signal to stop at once",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["picture", "moons", "--settings", "max_epochs=2,hidden_widths=4"],
        ["study", "baseline", "t.csv", "--target", "y", "--settings", "fast,max_epochs=1"],
    ],
)  # fmt: skip
def test_what_was_killed_between_its_files_goes_on(
    folder, tmp_path, monkeypatch, capsys, arguments
):
    monkeypatch.chdir(folder)
    output = tmp_path / "out"
    arguments = [*arguments, "--output", str(output)]
    # As a kill leaves the folder: a file is there, others are not, and the lock is free.
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "__exit__", lambda self, *_: self.release())
        assert command(arguments) == 0
    files = sorted(path.name for path in output.iterdir() if path.suffix)
    (output / files[0]).unlink()
    capsys.readouterr()
    assert command(arguments) == 0
    assert sorted(path.name for path in output.iterdir()) == files
    assert command(arguments) == 2
    assert "is not empty" in capsys.readouterr().err
