"""Real disks that are full: the old file stays, the error says why, and it goes on afterwards."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from faults.test_faults import WRITERS, old_and_new

from multilayer.errors import OutputError
from multilayer.growing_files import append_line
from multilayer.ordinary_files import whole_lines

TESTS = Path(__file__).parent.parent


@cache
def namespace() -> tuple[tuple[str, ...], str]:
    """The beginning of a command that may mount, or why there is none."""
    if shutil.which("unshare") is None:
        return (), "there is no unshare on this machine"
    ways = [("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")]
    said = ""
    for way in ways:
        trial = [*way, "sh", "-c", "mount -t tmpfs -o size=4096 none /mnt"]
        done = subprocess.run(trial, capture_output=True, text=True)
        if done.returncode == 0:
            return way, ""
        said = " ".join(done.stderr.split())
    return (), f"mounting is not allowed here: {said}"


def failures(scenario: str, folder: Path, *before: str) -> int:
    """How many failures a scenario of `on_small_disk` looked at."""
    path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    done = subprocess.run(
        [*before, sys.executable, "-m", "faults.on_small_disk", scenario, str(folder)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(
    ("scenario", "least"),
    [("full", 10), ("full_run", 5), ("no_names", 3), ("read_only", 4), ("shards", 3)],
)
def test_a_small_disk(scenario, least, tmp_path, count):
    way, reason = namespace()
    if not way:
        pytest.skip(reason)
    found = failures(scenario, tmp_path, *way)
    assert found >= least
    count("failures on small disks", found)


def test_a_limit_on_the_size_of_files(tmp_path, count):
    found = failures("limited", tmp_path)
    assert found > 100
    count("failures on small disks", found)


def test_a_folder_that_takes_no_files(tmp_path, count):
    append_line(tmp_path / "lines", "first")
    states = {}
    for name, (write, read) in WRITERS.items():
        (tmp_path / name).mkdir()
        states[name] = old_and_new(tmp_path / name, write, read)
        (tmp_path / name).chmod(0o555)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
        if path.name.startswith("pytest-of-"):
            break
    user = os.geteuid()
    if user == 0:  # root writes everywhere: ask as somebody else
        os.seteuid(65534)
    try:
        for name, (write, read) in WRITERS.items():
            with pytest.raises(OutputError, match="file: permission denied$"):
                write(tmp_path / name)
            assert read(tmp_path / name / "file") == states[name][0]
        if user == 0:
            with pytest.raises(OutputError, match="lines: permission denied$"):
                append_line(tmp_path / "lines", "second")
    finally:
        os.seteuid(user)
    assert whole_lines(tmp_path / "lines") == ["first"]
    for name, (write, read) in WRITERS.items():
        (tmp_path / name).chmod(0o755)
        write(tmp_path / name)
        assert read(tmp_path / name / "file") == states[name][1]
    count("failures on small disks", len(WRITERS))
