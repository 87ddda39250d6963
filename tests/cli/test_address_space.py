"""A limit on the memory that a command may address ends in one line, whatever the libraries do."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("command", "megabytes"), [("predict", 300), ("predict", 400), ("train", 600)]
)
def test_too_little_for_the_libraries_is_one_line(command: str, megabytes: int, tmp_path: Path):
    limit = megabytes * 10**6
    done = subprocess.run(
        [sys.executable, "-m", "multilayer", command, "absent.csv", "--target", "y"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.stdout == ""
    assert done.returncode == 1
    assert done.stderr == (
        f"error: there is not enough memory; the process may address {megabytes} MB (ulimit -v), "
        "which is too little\n"
    )
