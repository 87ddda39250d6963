"""One process fills a run folder; the others are told which."""

import os
import re
from collections.abc import Callable, Iterator

import pytest
from fork_server import Forked

from multilayer.errors import OutputError, RunFolderError
from multilayer.folder_lock import RunLock
from multilayer.runs.run_folder import RunFolder

PROGRAM = """
import sys, time
from multilayer.errors import MultilayerError
from multilayer.runs.run_folder import RunFolder
try:
    with RunFolder("run", "name"):
        print("has it", flush=True)
        sys.stdin.read()
except MultilayerError as error:
    print(error, flush=True)
"""


@pytest.fixture
def start(forks, tmp_path) -> Iterator[Callable[[], Forked]]:
    started: list[Forked] = []

    def start_one() -> Forked:
        started.append(forks.start(PROGRAM, "-c", cwd=tmp_path, streams=(None, None, 2)))
        return started[-1]

    yield start_one
    for process in started:
        process.close()


def test_of_32_processes_one_has_the_folder_and_31_say_who_and_since_when(start, tmp_path):
    processes = [start() for _ in range(32)]
    lines = [process.stdout.readline() for process in processes]
    [holder] = [p for p, line in zip(processes, lines, strict=True) if line == "has it\n"]
    others = [line for line in lines if line != "has it\n"]
    assert len(others) == 31
    expected = re.compile(
        rf"the run folder run is in use by (process {holder.pid} on \S+, "
        r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d|a process that has just begun)\n"
    )
    assert all(map(expected.fullmatch, others)), others
    assert sum("since" in line for line in others) >= 20
    for process in processes:
        process.communicate(timeout=600)
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]
    assert list((tmp_path / "run").iterdir()) == []


def test_the_lock_of_a_process_that_was_killed_is_free(start, tmp_path):
    process = start()
    assert process.stdout.readline() == "has it\n"
    with pytest.raises(RunFolderError, match=f"in use by process {process.pid} on "):
        RunLock(tmp_path / "run")
    process.kill()
    process.communicate()
    assert (tmp_path / "run" / ".lock").exists()
    RunFolder(tmp_path / "run", "name").release()
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_released_lock_can_be_taken_again_and_again(tmp_path):
    for _ in range(3):
        lock = RunLock(tmp_path)
        with pytest.raises(RunFolderError, match=f"in use by process {os.getpid()} on "):
            RunLock(tmp_path)
        lock.release()
        lock.release()


def test_a_lock_that_nobody_holds_any_more_is_let_go(tmp_path):
    lock = RunLock(tmp_path)
    del lock
    RunLock(tmp_path).release()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": "x"}', b"\xff"])
def test_a_holder_that_has_not_yet_said_who_it_is(tmp_path, content):
    lock = RunLock(tmp_path)
    (tmp_path / ".lock").write_bytes(content)
    with pytest.raises(RunFolderError, match="in use by a process that has just begun"):
        RunLock(tmp_path)
    lock.release()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="cannot lock the run folder .*: no such file"):
        RunLock(tmp_path / "absent")


@pytest.mark.parametrize("kind", ["link", "second name", "text", "pipe", "folder"])
def test_another_file_at_the_place_of_the_lock_stays_as_it_is(tmp_path, kind):
    victim, lock = tmp_path / "precious", tmp_path / "run" / ".lock"
    victim.write_text('{"pid": 1}')
    lock.parent.mkdir()
    match kind:
        case "link":
            lock.symlink_to(victim)
        case "second name":
            lock.hardlink_to(victim)
        case "text":
            lock.write_text("precious")
        case "pipe":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
    with pytest.raises(OutputError, match=r"cannot lock the run folder .*(\.lock|is a directory)"):
        RunLock(lock.parent)
    assert victim.read_text() == '{"pid": 1}'
    assert kind != "text" or lock.read_text() == "precious"
    assert os.path.lexists(lock)
