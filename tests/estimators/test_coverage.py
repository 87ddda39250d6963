"""What intervals, sets and probabilities promise, on real rows that the networks have not seen."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold

from multilayer import MLPClassifier, MLPRegressor

QUICK = {"hidden_layer_sizes": (64,), "max_iter": 64, "random_state": 0}


@pytest.mark.parametrize(("num_folds", "least"), [(5, 0.87), (None, 0.85)])
def test_intervals_cover_as_often_as_asked(num_folds, least):
    X, y = datasets.load_diabetes(return_X_y=True)
    is_covered, widths = [], []
    for rows, others in KFold(5, shuffle=True, random_state=0).split(X):
        regressor = MLPRegressor(**QUICK, num_folds=num_folds).fit(X[rows], y[rows])
        low, high = regressor.predict_interval(X[others], coverage=0.9).T
        is_covered += ((low <= y[others]) & (y[others] <= high)).tolist()
        widths += (high - low).tolist()
    assert least < np.mean(is_covered) < 0.95
    assert np.mean(widths) < 0.9 * np.diff(np.quantile(y, [0.05, 0.95]))[0]


@pytest.mark.parametrize("num_folds", [5, None])
def test_sets_cover_as_often_as_asked(num_folds):
    """Digits from every fifth pixel, which is not enough to be sure of them."""
    X, y = datasets.load_digits(return_X_y=True)
    X = X[:, ::5]
    is_covered, sizes, is_right = [], [], []
    for rows, others in KFold(3, shuffle=True, random_state=0).split(X):
        classifier = MLPClassifier(**{**QUICK, "max_iter": 16}, num_folds=num_folds)
        classifier.fit(X[rows], y[rows])
        sets = classifier.predict_set(X[others], coverage=0.95)
        is_covered += sets[np.arange(len(others)), y[others]].tolist()
        sizes += sets.sum(axis=1).tolist()
        is_right.append(classifier.score(X[others], y[others]))
    assert np.mean(is_right) < 0.92
    assert 0.935 < np.mean(is_covered) < 0.98
    assert np.mean(sizes) < 4


def test_a_temperature_makes_better_probabilities_of_an_overconfident_network():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    losses = []
    for rows, others in KFold(3, shuffle=True, random_state=0).split(X):
        classifier = MLPClassifier(**QUICK, num_folds=5, settings={"selection": "last"})
        classifier.fit(X[rows], y[rows])
        model = classifier.model_
        outputs = model.member_outputs(X[others])
        raw = np.exp(outputs - np.logaddexp.reduce(outputs, axis=-1, keepdims=True)).mean(axis=0)
        losses.append(
            (log_loss(y[others], classifier.predict_proba(X[others])), log_loss(y[others], raw))
        )
        assert model.temperature > 1
    tempered, raw = np.mean(losses, axis=0)
    assert tempered < raw
