"""What the comparison on tables rests on: folds, scores, records, statistics."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TABLES = Path(__file__).parents[2] / "benchmarks" / "tables.py"


def test_each_row_is_tested_on_once_and_never_trained_on_then():
    from tabular.folds import outer_folds

    labels = np.repeat([0, 1, 2], [50, 31, 10])
    folds = outer_folds("a", "random", labels, None, len(labels))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(91))
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(91))
    of_labels = [np.bincount(labels[fold.test]) for fold in folds]
    assert np.ptp(of_labels, axis=0).max() == 1
    assert np.ptp(np.sum(of_labels, axis=1)) == 1


def test_folds_follow_from_the_name():
    from tabular.folds import outer_folds

    first, again, other = (outer_folds(n, "random", None, None, 90)[0].test for n in "aab")
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_rows_of_a_group_stay_together():
    from tabular.folds import inner_folds, outer_folds

    groups = np.random.RandomState(0).randint(20, size=200)
    outer = outer_folds("a", "group", None, groups, 200)
    for fold in [*outer, *inner_folds("a", outer, None, groups)]:
        assert len(fold.test) > 30
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_a_split_by_time_trains_on_what_is_older():
    from tabular.folds import outer_folds

    groups = np.random.RandomState(0).permutation(np.repeat(np.arange(2000, 2020), 5))
    for fold in outer_folds("a", "time", None, groups, 100):
        assert groups[fold.train].max() < groups[fold.test].min()


def test_folds_to_develop_on_see_no_test_row():
    from tabular.folds import inner_folds, outer_folds

    labels = np.arange(91) % 2
    outer = outer_folds("a", "random", labels, None, 91)
    for inner, fold in zip(inner_folds("a", outer, labels, None), outer, strict=True):
        assert sorted([*inner.train, *inner.test]) == fold.train.tolist()


def test_scores_of_predictions():
    from tabular.scores import LEAST_PROBABILITY, error, score

    halves = np.array([[0.5, 0.5], [0.25, 0.75]])
    value, accuracy = score("log_loss", np.array([0, 1]), halves)
    assert value == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)
    assert accuracy == 1
    surely_wrong = np.array([[1.0, 0.0], [0.0, 1.0]])
    value, accuracy = score("log_loss", np.array([1, 1]), surely_wrong)
    assert value == pytest.approx(-math.log(LEAST_PROBABILITY) / 2, rel=1e-6)
    assert accuracy == 0.5
    value, _ = score("roc_auc", np.array([0, 1, 1]), np.array([[0.6, 0.4], [0.7, 0.3], [0.1, 0.9]]))
    assert value == 0.5
    value, explained = score("rmse", np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    assert value == pytest.approx(math.sqrt(2))
    assert explained == -1
    assert [
        error("roc_auc", 0.75, None),
        error("log_loss", 2.0, None),
        error("rmse", 3.0, 6.0),
    ] == [
        0.25,
        2.0,
        0.5,
    ]


def test_a_prediction_that_is_no_number_is_no_score():
    from tabular.scores import score

    with pytest.raises(ValueError, match="not finite"):
        score("rmse", np.zeros(2), np.array([0.0, np.nan]))


def test_standings_worked_by_hand():
    from tabular.comparison import standings

    # Ranks by table: 1 2 3, 1 2.5 2.5.
    first, second, third = standings(np.array([[0.1, 0.2, 0.3], [0.1, 0.4, 0.4]]))
    assert [s.mean_rank.value for s in (first, second, third)] == [1, 2.25, 2.75]
    assert [s.win_rate.value for s in (first, second, third)] == [1, 0.375, 0.125]
    assert second.mean_error.value == pytest.approx(math.sqrt(0.21 * 0.41))
    assert second.mean_rank.low == 2
    assert second.mean_rank.high == 2.5
    assert first.mean_error.low == pytest.approx(0.11)


def test_duels_count_wins_and_changes():
    from tabular.comparison import duels

    errors = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    worse, same = duels(errors, [(errors + 0.01) * 1.25 - 0.01, errors])
    assert (worse.num_wins, worse.num_tables, same.num_wins) == (6, 6, 0)
    assert worse.change.value == pytest.approx(-0.2)
    assert worse.change.high == pytest.approx(-0.2)
    # All six differences have one sign: 2 of the 64 ways to give them signs are so extreme.
    assert worse.probability == pytest.approx(2 / 64)
    assert worse.adjusted == pytest.approx(4 / 64)
    assert same.adjusted == 1


def test_holms_correction_worked_by_hand():
    from tabular.comparison import holm

    # 4 · 0.005, then 3 · 0.01, then 2 · 0.03, and 0.04 no smaller than what precedes it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_last_measurement_of_the_same_versions_counts(tmp_path):
    from tabular.records import Fit, Measurement, append, latest

    path = tmp_path / "records.jsonl"
    old, new = (Fit("adult", "d1", "outer", 0, "fast", {"torch": v}) for v in ("1", "2"))
    for fit, score in ((old, 0.7), (new, 0.8), (new, 0.9)):
        append(Measurement(fit, score, 0.5, 1.0, 0.1, 2, "2026-11-24T12:00:00+00:00"), path)
    [found] = latest([new, Fit("bank", "d1", "outer", 0, "fast", {"torch": "2"})], path)
    assert (found.fit, found.score) == (new, 0.9)
    assert latest([old], path)[0].score == 0.7


def test_fits_of_two_processors_are_said_to_have_times_that_do_not_compare():
    from tabular.records import Fit, Measurement
    from tabular.report import processors_of

    fit = Fit("adult", "d1", "outer", 0, "fast", {})
    fits = [Measurement(fit, 0.7, 0.5, 1.0, 0.1, 2, "2026-11-29", name) for name in ("Z", "A", "A")]
    assert processors_of(fits[1:]) == "Fits measured on A.\n"
    assert processors_of(fits).startswith("Fits measured on A and on Z, so that times cannot")
    assert "a processor not kept" in processors_of([Measurement(fit, 0.7, 0.5, 1.0, 0.1, 2, "")])


def test_earlier_sources_are_reported_and_never_measured(tmp_path):
    answer = subprocess.run(
        [sys.executable, TABLES, "--sources", "12345678"], capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert answer.stderr == "error: --sources names code that is not here: it needs --report\n"


def test_each_method_may_be_of_sources_of_its_own():
    from tabular.methods import source_digest, versions
    from tabular.report import versions_of

    sources = "pack-5m=12345678,best=87654321"
    found = {name: versions(name, sources)["multilayer"] for name in ("pack-5m", "best", "fast")}
    assert found == {"pack-5m": "12345678", "best": "87654321", "fast": source_digest()}
    assert versions("best", "12345678")["multilayer"] == "12345678"
    assert versions_of(["pack-5m", "best"], sources).startswith("multilayer 12345678 and 87654321,")


def test_missing_data_sets_are_named(tmp_path):
    answer = subprocess.run(
        [sys.executable, TABLES, "--suite", tmp_path], capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        f"error: open_suite.py and table_source.py not found in {tmp_path}"
    )
    assert "--suite" in answer.stderr
