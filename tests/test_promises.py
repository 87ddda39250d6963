"""docs/promises.md: each promise names the tests that hold it, and they are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = (ROOT / "docs" / "promises.md").read_text().split("## Numbers")[0].splitlines()
PROMISES = [line.split("|")[1:3] for line in LINES if line.startswith("| ")][1:]


@pytest.mark.parametrize(
    ("promise", "holders"), PROMISES, ids=lambda text: " ".join(text.split()[:4])
)
def test_the_tests_that_hold_a_promise_are_there(promise, holders):
    places = re.findall(r"`(tests/[^`]+)`", holders)
    assert places, f"nothing holds: {promise}"
    for place in places:
        name, _, function = place.partition("::")
        path = ROOT / name
        assert path.suffix == ".py" or path.is_dir(), place
        assert path.exists(), place
        if function:
            assert f"def {function}(" in path.read_text(), place


def test_each_promise_names_a_test_within_its_file():
    for promise, holders in PROMISES:
        assert "::" in holders, f"which test of the file holds: {promise}"


def test_what_make_check_runs_is_there():
    fast = re.search(r"^FAST := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert fast is not None
    paths = fast[1].replace("\\", " ").split()
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
