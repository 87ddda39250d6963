"""Each public name has an example in its docstring, and the examples print what they show."""

import inspect
import os
from pathlib import Path

import pytest
from public_examples import documented_names, examples_of, failures_of

import multilayer


@pytest.mark.parametrize("name", documented_names())
def test_each_public_name_has_an_example(name):
    docstring = inspect.getdoc(getattr(multilayer, name)) or ""
    before, _, examples = docstring.partition("\nExamples:\n")
    assert before and examples_of(examples, name).examples


def test_the_examples_print_what_they_show(forks, tmp_path, fashion_mnist):
    program = "import warnings\nwarnings.simplefilter('error')\nimport public_examples\n"
    with Path(os.devnull).open() as nothing:
        process = forks.start(
            f"{program}public_examples.main()", "-c", cwd=tmp_path,
            streams=(nothing.fileno(), None, None),
        )  # fmt: skip
    said, complained = process.communicate()
    process.close()
    assert process.returncode == 0, said + complained
    assert list(tmp_path.iterdir()) == []  # each has a folder of its own


def test_a_wrong_example_is_told():
    wrong = failures_of(examples_of(">>> 1 + 1\n3\n", "sum"))
    assert "Expected:\n    3\nGot:\n    2" in wrong
    assert failures_of(examples_of(">>> 1 + 1\n2\n", "sum")) == ""
