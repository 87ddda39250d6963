"""The data of a setup are those that every training prepares."""

import numpy as np
import polars as pl
import pytest

from multilayer.errors import DataError, SettingsError
from multilayer.playground.points import points_table
from multilayer.playground.problems import make_problem
from multilayer.playground.setup import MADE_PROBLEMS, Setup


@pytest.mark.parametrize("name", MADE_PROBLEMS)
def test_points_follow_from_the_seed_and_are_encoded_as_their_table_is(name):
    problem = make_problem(Setup(name, num_rows=100, seed=3))
    table = points_table(name, 100, 0.05, 3)
    assert problem.task == ("numbers" if name == "surface" else "classes")
    assert problem.column_names == ("x1", "x2")
    assert problem.target_name == table.columns[-1]
    assert problem.inputs.shape == (80, 2)
    assert problem.held_out_inputs.shape == (20, 2)
    assert len(problem.class_names) == problem.num_outputs * (name != "surface")
    points = problem.points
    assert points is not None
    assert np.array_equal(problem.encode(points[problem.training_numbers]), problem.inputs)
    assert np.array_equal(problem.encode(points[problem.held_out_numbers]), problem.held_out_inputs)
    assert sorted(map(tuple, points.tolist())) == sorted(table.select("x1", "x2").rows())
    assert problem.ranges == tuple(zip(points.min(0), points.max(0), strict=True))
    other = make_problem(Setup(name, num_rows=100, seed=4))
    assert not np.array_equal(problem.inputs, other.inputs)


def test_noise_moves_points_and_heights():
    without, with_noise = (points_table("surface", 50, noise, 0) for noise in (0.0, 0.3))
    assert without.select("x1", "x2").equals(with_noise.select("x1", "x2"))
    assert 0.1 < (without["y"] - with_noise["y"]).std() < 0.5
    with pytest.raises(SettingsError, match="unknown problem 'moon'.*did you mean 'moons'"):
        points_table("moon", 50, 0.1, 0)


def test_digits_are_images_from_0_to_1():
    problem = make_problem(Setup("digits"))
    assert problem.image_shape == (8, 8)
    assert problem.inputs.shape == (1438, 64)
    assert problem.held_out_inputs.shape == (359, 64)
    assert problem.inputs.max() == 1
    assert problem.points is None
    assert problem.class_names == tuple("0123456789")
    with pytest.raises(SettingsError, match="two numeric columns"):
        problem.encode(np.zeros((1, 2)))


def test_the_readers_table_has_its_categories_as_columns(tmp_path):
    path = tmp_path / "table.csv"
    words = [f"w{number % 70}" for number in range(700)]
    pl.DataFrame(
        {
            "a": [number**2 % 389 for number in range(700)],
            "word": words,
            "y": [w < "w4" for w in words],
        }
    ).write_csv(path)
    problem = make_problem(Setup("table", hidden_widths=(4,)), path)
    assert problem.notes[0][0] == "The last column, y, is what is predicted."
    assert problem.inputs.shape == (560, 71)
    spread = problem.inputs[:, 1:] != np.median(problem.inputs[:, 1:], axis=0)
    assert (spread.sum(1) == 1).all()
    named = make_problem(Setup("table", target="word"), path)
    assert named.target_name == "word"
    assert named.notes == ()
    assert named.num_outputs == 70


def test_what_a_table_cannot_be_is_said(tmp_path):
    with pytest.raises(SettingsError, match="needs a table"):
        make_problem(Setup("table"))
    path = tmp_path / "table.csv"
    path.write_text("a,y\n1,2\n2,2\n3,2\n")
    with pytest.raises(DataError, match="the target 'y' is 2 in every row"):
        make_problem(Setup("table"), path)
    path.write_text("a,y\n1,2\n2,3\n3,4\n")
    with pytest.raises(DataError, match="'z'"):
        make_problem(Setup("table", target="z"), path)


def test_a_table_of_too_many_columns_for_the_network_is_refused(tmp_path):
    path = tmp_path / "wide.csv"
    wide = np.random.default_rng(0).normal(size=(30, 500))
    pl.DataFrame(wide.round(2)).write_csv(path)
    with pytest.raises(SettingsError, match="1024, inputs 499: 4,096,000 weights"):
        make_problem(Setup("table", hidden_widths=(1024,), num_seeds=8), path)
