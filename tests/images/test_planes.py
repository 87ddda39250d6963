import numpy as np
import pytest

from multilayer.errors import SettingsError
from multilayer.images.planes import PLANE_NAMES, plane_points


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_points_are_of_equal_classes_about_the_origin_and_repeat(name):
    inputs, labels = plane_points(name, 600, seed=3)
    assert inputs.shape == (600, 2)
    assert inputs.dtype == np.float32
    assert np.abs(inputs).max() < 1.8
    assert np.abs(inputs.mean(0)).max() < 0.2
    counts = np.bincount(labels)
    assert set(counts) == {600 // (3 if name == "spirals" else 2)}
    again, labels_again = plane_points(name, 600, seed=3)
    assert np.array_equal(inputs, again)
    assert np.array_equal(labels, labels_again)
    assert not np.array_equal(inputs, plane_points(name, 600, seed=4)[0])


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_neighbours_tell_the_class_and_a_line_does_not(name):
    sklearn_linear = pytest.importorskip("sklearn.linear_model")
    sklearn_neighbors = pytest.importorskip("sklearn.neighbors")
    inputs, labels = plane_points(name, 1000)
    line = sklearn_linear.LogisticRegression().fit(inputs, labels)
    near = sklearn_neighbors.KNeighborsClassifier(5).fit(inputs[:500], labels[:500])
    assert line.score(inputs, labels) < 0.9
    assert near.score(inputs[500:], labels[500:]) > 0.95


def test_what_is_wrong_is_said():
    with pytest.raises(SettingsError, match="unknown plane 'rings'; known are: spirals, moons"):
        plane_points("rings")
    with pytest.raises(SettingsError, match="at least 10 points, not 3"):
        plane_points("moons", 3)
