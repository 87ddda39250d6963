"""Learning bit by bit where the first rows do not show everything yet."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from multilayer import MLPClassifier, MLPRegressor
from multilayer.errors import DataWarning, TableError, TrainingDivergedError
from multilayer.fit import incremental_fit

QUICK = {"recipe": "fast", "hidden_layer_sizes": (32,), "random_state": 0}
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(210, 3))
Y = (X[:, 0] > 0).astype(int)
TOWNS = GENERATOR.choice(["u", "v", "w"], 210)


def learned(frame, answers, num_first, times=15):
    classifier = MLPClassifier(**QUICK)
    classifier.partial_fit(frame[:num_first], answers[:num_first], classes=[0, 1])
    for _ in range(times):
        classifier.partial_fit(frame[num_first:], answers[num_first:])
    return classifier


@pytest.mark.parametrize("num_first", [3, 10, 50])
@pytest.mark.parametrize("first", [0.0, np.nan, "narrow"])
def test_a_column_of_numbers_that_shows_itself_later_is_learned(num_first, first):
    numbers = X.copy()
    numbers[:num_first, 0] = X[:num_first, 0] * 1e-4 if first == "narrow" else first
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "column .* holds no value", DataWarning)
        classifier = learned(numbers, Y, num_first)
    assert classifier.score(numbers[num_first:], Y[num_first:]) > 0.9


@pytest.mark.parametrize("num_first", [3, 10, 50])
def test_categories_that_come_later_are_learned(num_first):
    frame = pd.DataFrame({"town": TOWNS, "x": X[:, 1]})
    frame.loc[: num_first - 1, "town"] = "u"
    answers = (frame["town"] == "w").to_numpy().astype(int)
    assert learned(frame, answers, num_first).score(frame, answers) == 1


def test_each_category_is_learned_as_it_comes():
    frame = pd.DataFrame({"town": np.repeat(list("abcdefg"), 30), "x": X[:, 1]})
    answers = np.repeat([0, 1, 0, 1, 0, 1, 0], 30)
    classifier = MLPClassifier(**QUICK)
    for start in range(0, 210, 30):
        rows = slice(start, start + 30)
        classifier.partial_fit(frame[rows], answers[rows], classes=[0, 1])
    categories = classifier.model_.encoder.categories[0].categories
    assert categories == tuple("abcdefg")


def test_numbers_to_predict_are_scaled_anew():
    regressor = MLPRegressor(**QUICK)
    answers = 1000 + 100 * X[:, 0]
    regressor.partial_fit(X[:5], np.full(5, 7.0))
    for _ in range(20):
        regressor.partial_fit(X, answers)
    assert regressor.score(X, answers) > 0.8


def test_what_is_new_after_columns_are_settled_is_warned_of(monkeypatch):
    monkeypatch.setattr(incremental_fit, "_ROWS_TO_SETTLE", 100)
    frame = pd.DataFrame({"town": np.where(TOWNS == "w", "u", TOWNS), "same": 1.0, "x": X[:, 1]})
    classifier = MLPClassifier(**QUICK)
    for _ in range(2):
        classifier.partial_fit(frame[:60], Y[:60], classes=[0, 1])
    later = frame[60:].assign(town="z", same=2.0)
    with pytest.warns(DataWarning) as found:
        classifier.partial_fit(later, Y[60:])
    town, same = (str(each.message) for each in found)
    assert town.startswith("column 'town' holds values that were not in the training rows in 150")
    assert town.endswith(
        "they are treated as missing; the encoder was fitted to the rows of earlier calls"
    )
    assert same.startswith("column 'same', which was constant, varies and is not used")
    with warnings.catch_warnings():  # once is enough
        warnings.simplefilter("error")
        pickle.loads(pickle.dumps(classifier)).partial_fit(later, Y[60:])


def test_first_rows_in_which_nothing_varies_are_too_few():
    with pytest.raises(TableError, match="the first 4 rows of partial_fit have no usable input"):
        MLPClassifier(**QUICK).partial_fit([["a"]] * 4, [0, 1, 0, 1], classes=[0, 1])


def test_numbers_are_learned_one_row_at_a_time():
    classifier, regressor = MLPClassifier(**QUICK), MLPRegressor(**QUICK)
    for row in range(len(X)):
        classifier.partial_fit(X[row : row + 1], Y[row : row + 1], classes=[0, 1])
        regressor.partial_fit(X[row : row + 1], 1 + X[row : row + 1, 0])
    assert classifier.score(X, Y) > 0.9
    assert regressor.score(X, 1 + X[:, 0]) > 0.7


def test_numbers_far_beyond_those_that_settled_the_scales_are_said(monkeypatch):
    monkeypatch.setattr(incremental_fit, "_ROWS_TO_SETTLE", 100)
    regressor = MLPRegressor(**QUICK).partial_fit(X, X[:, 0])
    regressor.partial_fit(3 * X, X[:, 0])
    with pytest.warns(DataWarning, match="'x2' holds numbers up to .* than 100 times those"):
        regressor.partial_fit(np.where([False, False, True], 1000 * X, X), X[:, 0])


def test_a_column_that_was_constant_in_fit_and_varies_later_is_said():
    still = np.where([True, True, False], X, 1.5)
    classifier = MLPClassifier(**QUICK, max_iter=2).fit(still, Y)
    classifier.partial_fit(still, Y)
    with pytest.warns(DataWarning, match="column 'x2', which was constant, varies"):
        classifier.partial_fit(X, Y)


def test_the_same_rows_again_change_no_column():
    classifier = MLPClassifier(**QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            classifier.partial_fit(X, Y, classes=[0, 1])
    assert [line["epoch"] for line in classifier.history_] == [1, 2, 3, 4, 5]
    assert classifier.score(X, Y) > 0.9


@pytest.mark.parametrize("recipe", ["chapter", "fast"])
def test_a_loss_that_is_not_finite_is_raised_and_what_was_learned_before_stays(recipe):
    rows = np.random.default_rng(0).normal(size=(400, 3))
    estimator = MLPRegressor(recipe, learning_rate_init=1e6, random_state=0)
    with pytest.raises(TrainingDivergedError, match="loss stopped being a finite number in epoch"):
        for _ in range(4):
            estimator.partial_fit(rows, rows[:, 0])
    kept = estimator._increments.copied().model
    assert bool(kept.network.parameters.isfinite().all())


def test_a_model_answers_as_before_while_its_estimator_learns_on():
    rows = np.random.default_rng(0).normal(size=(400, 3))
    estimator = MLPRegressor("fast", random_state=0).partial_fit(rows, rows[:, 0])
    model = estimator.model_
    before = model.predict(rows)
    estimator.partial_fit(rows, rows[:, 1])
    np.testing.assert_array_equal(model.predict(rows), before)
    assert not np.array_equal(estimator.predict(rows), before)


@pytest.mark.parametrize("fault", ["a batch", "an earlier chunk", "bad rows"])
def test_a_call_that_fails_half_way_leaves_everything_as_it_was(monkeypatch, fault):
    frame = pd.DataFrame({"town": TOWNS, "x": X[:, 1]})
    first, later = frame[:50].assign(town="u"), frame[50:]
    one, other = (MLPClassifier(**QUICK, batch_size=32) for _ in range(2))
    for classifier in (one, other):
        classifier.partial_fit(first, Y[:50], classes=[0, 1])
    before = one.predict_proba(frame)
    with monkeypatch.context() as patched, pytest.raises((KeyboardInterrupt, DataWarning)):
        if fault in ("a batch", "an earlier chunk"):
            calls = iter(range(100))
            call = incremental_fit.Step.__call__

            def step(*arguments):
                if next(calls) == (1 if fault == "an earlier chunk" else 4):
                    raise KeyboardInterrupt
                return call(*arguments)

            patched.setattr(incremental_fit.Step, "__call__", step)
            one.partial_fit(later, Y[50:])
        else:
            one.partial_fit(later.assign(x="text"), Y[50:])
    assert (one.predict_proba(frame) == before).all()
    for classifier in (one, other):
        for rows in (slice(50, 120), slice(120, 210)):
            classifier.partial_fit(frame[rows], Y[rows])
    assert (one.predict_proba(frame) == other.predict_proba(frame)).all()
    assert one.history_ == other.history_
