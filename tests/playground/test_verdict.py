"""Two setups get the verdict of `compare`."""

from dataclasses import replace
from threading import Event

import pytest

from multilayer.errors import SettingsError
from multilayer.experiments.compare import compare
from multilayer.playground.points import points_table
from multilayer.playground.setup import Setup
from multilayer.playground.verdict import compare_setups
from multilayer.playground.words import LANGUAGES

LINEAR = Setup("xor", num_rows=200, hidden_widths=(), num_epochs=20)
HIDDEN = Setup("xor", num_rows=200, hidden_widths=(16,), activations=("relu",),
               initialization="he", num_epochs=20)  # fmt: skip


def test_a_hidden_layer_is_better_on_xor_as_compare_says(tmp_path):
    looks = []
    found = compare_setups(LINEAR, HIDDEN, max_seeds=5, on_look=looks.append)
    assert found.differences.keys() == {"hidden_widths", "activations", "initialization"}
    (pair,) = found.comparison.pairs
    assert pair.verdict == "second is better"
    assert looks[-1].comparison is found.comparison
    for language in LANGUAGES:
        verdict, difference = found.sentences(language)
        assert {"en": "second", "ru": "Вторая"}[language] in verdict
        assert found.comparison.shown(pair.difference.mean, "+") in difference
    points_table("xor", 200, 0.05, 0).write_csv(tmp_path / "xor.csv")
    shared = "chapter,batch_size=32,max_epochs=20,hidden_widths="
    theirs = compare(
        tmp_path / "xor.csv", shared, f"{shared}16,initialization=he", target="class",
        max_seeds=5,
    )  # fmt: skip
    assert theirs.pairs == found.comparison.pairs


def test_the_same_setting_twice_is_no_difference_that_matters():
    numbers = Setup("surface", num_rows=100, num_epochs=2)
    found = compare_setups(numbers, numbers, max_seeds=5)
    assert found.sentences()[0].startswith("There is no difference larger than 0.00")
    assert found.differences == {}
    few_rows = compare_setups(LINEAR, LINEAR, max_seeds=5)  # 40 cannot show 0.002 of accuracy
    assert few_rows.sentences()[0] == "Undecided after 5 seeds."


def test_numbers_are_compared_by_their_error(tmp_path):
    path = tmp_path / "table.csv"
    points_table("surface", 100, 0.1, 0).rename({"y": "height"}).write_csv(path)
    few = Setup("table", target="height", num_epochs=1)
    more = replace(few, num_epochs=40, optimizer="adam", learning_rate=0.02)
    found = compare_setups(few, more, path, max_seeds=5)
    assert found.comparison.metric == "RMSE"
    assert found.comparison.pairs[0].verdict == "second is better"
    with pytest.raises(SettingsError, match="needs a table and a target"):
        compare_setups(few, more)


def test_seeds_that_diverge_are_counted():
    wild = Setup("xor", num_rows=100, activations=("relu",), learning_rate=1e30, num_epochs=2)
    found = compare_setups(replace(wild, learning_rate=0.1), wild, max_seeds=5)
    assert "The second setting diverged at 5 of 5 seeds." in found.sentences()


def test_what_cannot_be_compared_is_said():
    with pytest.raises(SettingsError, match="on the same data; noise is 0.05 and 0.2"):
        compare_setups(LINEAR, replace(HIDDEN, noise=0.2))
    stop = Event()
    stop.set()
    stopped = compare_setups(LINEAR, HIDDEN, stop=stop)
    assert stopped.sentences() == ["Stopped before 5 seeds had been trained."]
