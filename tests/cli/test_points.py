"""`multilayer points` writes a table that `read_table` and a person read."""

import pytest

from multilayer.cli.application import run
from multilayer.playground.points import points_table
from multilayer.playground.setup import MADE_PROBLEMS
from multilayer.reading.table import read_table


@pytest.mark.parametrize("problem", MADE_PROBLEMS)
def test_the_file_holds_the_very_numbers(problem, capsys, tmp_path):
    given = ["--num-rows", "40", "--noise", "0.1", "--seed", "7"]
    assert run(["points", problem, *given]) == 0
    written = capsys.readouterr().out
    path = tmp_path / "points.csv"
    path.write_text(written)
    table = points_table(problem, 40, 0.1, 7)
    assert read_table(path).equals(table)
    assert len(written.splitlines()) == 41


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["moon"], "unknown problem 'moon'; made from a seed are spirals, moons"),
        (["moons", "--num-rows", "3"], "--num-rows must be a whole number of at least 10; it is 3"),
        (["surface", "--num-rows", "-3"], "--num-rows must be a whole number of at least 10"),
        (["xor", "--num-rows", "2000000"], "--num-rows must be at most 1,000,000; it is 2,000,000"),
        (["xor", "--noise", "-1"], "--noise must be a number of at least 0; it is -1.0"),
        (["surface", "--noise", "nan"], "--noise must be a number of at least 0; it is nan"),
        (["xor", "--seed", "-1"], "seed must be a whole number of at least 0; it is -1"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message, capsys):
    assert run(["points", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
