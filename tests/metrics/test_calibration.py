import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from multilayer.metrics.calibration import reliability_of_answers


def _reliability(probabilities, classes, num_bins=15):
    is_right = probabilities.argmax(axis=1) == classes
    return reliability_of_answers(probabilities.max(axis=1), is_right, num_bins)


def test_bins_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    confidences = random.uniform(0.3, 1, 2000)
    is_right = random.random(2000) < confidences**2
    found = reliability_of_answers(confidences, is_right, num_bins=10)
    shares, means = calibration_curve(is_right, confidences, n_bins=10)
    np.testing.assert_allclose(found.accuracies, shares)
    np.testing.assert_allclose(found.confidences, means)
    assert found.counts.sum() == 2000


def test_four_answers_by_hand():
    probabilities = np.array([[0.52, 0.48], [0.42, 0.58], [0.05, 0.95], [1.0, 0.0]])
    found = _reliability(probabilities, np.array([0, 0, 1, 0]), num_bins=10)
    # From 0.5 on there are two answers of which one is right, 0.55 sure on average; from 0.9 on
    # two, both right.
    assert found.counts.tolist() == [2, 2]
    assert found.accuracies.tolist() == [0.5, 1.0]
    assert found.confidences == pytest.approx([0.55, 0.975])
    # Half of the answers are off by 0.05, the other half by 1 − 0.975.
    assert found.expected_error == pytest.approx((0.05 + 0.025) / 2)
