"""The examples in the docstrings of the public names: `python -m public_examples FOLDER`."""

import contextlib
import doctest
import inspect
import os
import re
import sys
import tempfile
from pathlib import Path

import multilayer

_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"
_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def documented_names() -> list[str]:
    """Names of the page on Python, in its order."""
    return re.findall(r"^\.\. auto\w+:: (\w+)$", _PAGE.read_text("utf-8"), re.MULTILINE)


def examples_of(docstring: str, name: str) -> doctest.DocTest:
    """The examples in a docstring, with names of their own."""
    given = {"__name__": "__main__"}
    return doctest.DocTestParser().get_doctest(docstring, given, name, name, 0)


def failures_of(test: doctest.DocTest) -> str:
    """What differs from what is printed there, or nothing; run in an empty folder."""
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=_FLAGS)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        runner.run(test, out=said.append)
    return "".join(said)


def main() -> None:
    """Run the examples of all names; a warning fails."""
    os.environ["MPLBACKEND"] = "agg"
    tests = {}
    for name in documented_names():
        test = examples_of(inspect.getdoc(getattr(multilayer, name)) or "", name)
        tests[test.docstring] = test  # once for a name that has another one
    failures = [failures for test in tests.values() if (failures := failures_of(test))]
    print("".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
