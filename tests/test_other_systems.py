"""Nothing needs Linux that has to work on macOS and Windows, as far as can be seen from here."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import like_windows
import numpy as np
import polars as pl
import pytest

from multilayer import descriptors

PACKAGE = Path(__file__).parent.parent / "src" / "multilayer"
# Modules in which one is met where a command asks for it, after what says that it is there.
GUARDED = {
    ("cli/address_space.py", "fork"),  # a limit has been found by the module `resource`
    ("cli/address_space.py", "SIGKILL"),
    ("cli/address_space.py", "resource"),
    ("reading/columnar_process.py", "resource"),
}


def posix_alone(path: Path) -> set[str]:
    """Modules and names that Windows lacks, of those that a module uses without asking."""
    text = path.read_text()
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & {*like_windows.MODULES}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} & {*like_windows.MODULES}
            found |= {alias.name for alias in node.names} & like_windows.NAMES.get(
                node.module, set()
            )
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name):
                found |= {node.attr} & like_windows.NAMES.get(node.value.id, set())
            found |= {node.attr} & {"add_signal_handler", "remove_signal_handler"}
    return {name for name in found if not re.search(rf'hasattr\(\w+, "{name}"\)', text)}


def test_what_windows_lacks_is_asked_for_before_it_is_used():
    found = {
        (str(path.relative_to(PACKAGE)), name)
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in posix_alone(path)
    }
    assert found == GUARDED


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import fcntl", "fcntl"),
        ("def f():\n    from resource import getrlimit", "resource"),
        ("os.fchmod(1, 2)", "fchmod"),
        ("from os import pread", "pread"),
        ("signal.signal(signal.SIGHUP, f)", "SIGHUP"),
        ("loop.add_signal_handler(2, f)", "add_signal_handler"),
    ],
)
def test_uses_are_found_in_every_form(tmp_path, source, name):
    path = tmp_path / "module.py"
    path.write_text(source)
    assert posix_alone(path) == {name}
    path.write_text(f'if hasattr(os, "{name}"):\n    pass\n{source}')
    assert posix_alone(path) == set()


def test_commands_do_without_what_windows_lacks(tmp_path):
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"size": generator.normal(100, 30, 120)})
    frame.with_columns(price=pl.col("size") * 3).write_csv(tmp_path / "rows.csv")
    done = subprocess.run(
        [sys.executable, "-W", "error", like_windows.__file__, tmp_path],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["codes"] == dict.fromkeys(told["codes"], 0), done.stderr
    assert set(told["codes"]) == {"train", "predict", "evaluate", "tune", "serve"}
    assert told["health"] == 200
    assert {place for _, place in told["locked"]} == {1 << 30}  # in no content
    assert len(told["locked"]) > 5
    assert len(pl.read_csv(tmp_path / "answers.csv")) == 120


def test_a_system_without_locks_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptors, "_module", lambda name: None)
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="has no locks"):
        descriptors.lock(file.fileno())
