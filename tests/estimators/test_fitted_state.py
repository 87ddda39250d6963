"""Who asks while an estimator learns gets the answer from before or from after."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
import pytest

from multilayer.errors import MultilayerError
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor

source = np.random.default_rng(0)
FRAME = pl.DataFrame({"size": source.normal(size=60), "town": source.choice(["a", "b"], 60)})
TWO = np.where(FRAME["size"].to_numpy() > 0, "much", "few")
THREE = source.choice(["one", "three", "two"], 60)
OPTIONS: dict[str, Any] = {"max_iter": 2, "hidden_layer_sizes": (4,), "random_state": 0}
ROWS = FRAME[:5]


def test_answers_while_it_is_fitted_again():
    estimator = MLPClassifier("fast", **OPTIONS).fit(FRAME, TWO)
    after = copy.deepcopy(estimator).fit(FRAME, THREE)
    answers = [(each.predict(ROWS).tolist(), each.predict_proba(ROWS).tolist())
               for each in (estimator, after)]  # fmt: skip
    stop = threading.Event()

    def ask() -> int:
        num_asked = 0
        while not stop.is_set() or not num_asked:
            assert estimator.predict_proba(ROWS).tolist() in [each[1] for each in answers]
            assert estimator.predict(ROWS).tolist() in [each[0] for each in answers]
            num_asked += 1
        return num_asked

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for labels in (THREE, TWO) * 3:
                estimator.fit(FRAME, labels)
        finally:
            stop.set()
        assert all(each.result() for each in asking)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_cannot_be_learned_changes_nothing(method: str):
    estimator = MLPRegressor("fast", **OPTIONS).fit(FRAME, FRAME["size"])
    before, expected = dict(vars(estimator)), estimator.predict(ROWS)
    with pytest.raises((MultilayerError, ValueError)):
        getattr(estimator, method)(FRAME.select(other="size"), ["x"] * 60)
    assert vars(estimator) == before
    np.testing.assert_array_equal(estimator.predict(ROWS), expected)


def test_names_of_an_earlier_fit_are_forgotten():
    estimator = MLPRegressor("fast", **OPTIONS).fit(FRAME, FRAME["size"])
    assert not hasattr(estimator.fit(FRAME[["size"]].to_numpy(), TWO == "few"), "feature_names_in_")


def test_what_is_done_about_unseen_values_may_be_changed_after_the_fit():
    estimator = MLPClassifier("fast", **OPTIONS).fit(FRAME, TWO)
    estimator.set_params(on_unseen="ignore").predict(ROWS)
    model = estimator.model_
    estimator.predict(ROWS)
    assert estimator.model_ is model and model.on_unseen == "ignore"


def test_of_threads_that_go_on_fitting_none_is_lost():
    estimator = MLPClassifier("fast", **OPTIONS).partial_fit(FRAME, TWO, ["few", "much"])
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(estimator.partial_fit, FRAME, TWO) for _ in range(8)]:
            done.result()
    assert estimator.n_iter_ == 9
    one_by_one = MLPClassifier("fast", **OPTIONS)
    for _ in range(9):
        one_by_one.partial_fit(FRAME, TWO, ["few", "much"])
    assert (estimator.predict_proba(ROWS) == one_by_one.predict_proba(ROWS)).all()
    assert (pickle.loads(pickle.dumps(estimator)).predict(ROWS) == estimator.predict(ROWS)).all()
