from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError
from multilayer.images.datasets import ImageSplit
from multilayer.metrics.evaluation import Evaluation, evaluation_of
from multilayer.metrics.intervals import wilson_interval
from multilayer.model.conformal import ConformalScores
from multilayer.model.model import Model
from multilayer.runs.evaluation import evaluate_images


def made(names, labels, predicted, confidences) -> Evaluation:
    targets = Targets.of_class_names(tuple(names))
    return Evaluation("made", targets, len(labels), [], labels, predicted, confidences)


@pytest.fixture
def evaluation() -> Evaluation:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 300)
    predicted = np.where(random.random(300) < 0.7, labels, random.integers(0, 4, 300))
    return made("abcd", labels, predicted, random.random(300))


def test_scores_are_those_of_scikit_learn(evaluation):
    true, predicted = evaluation.labels, evaluation.predicted
    precision, recall, _, _ = metrics.precision_recall_fscore_support(true, predicted)
    assert evaluation.accuracy == metrics.accuracy_score(true, predicted)
    np.testing.assert_allclose(evaluation.precision, precision)
    np.testing.assert_allclose(evaluation.recall, recall)
    np.testing.assert_array_equal(
        evaluation.confusion_matrix, metrics.confusion_matrix(true, predicted)
    )


def test_mistakes_are_all_the_wrong_ones_the_most_confident_first(evaluation):
    worst = evaluation.mistakes
    assert sorted(worst) == list(np.flatnonzero(evaluation.labels != evaluation.predicted))
    assert (np.diff(evaluation.confidences[worst]) <= 0).all()


def test_a_class_never_predicted_has_no_precision_and_an_absent_one_no_recall():
    labels, predicted = np.array([0, 1, 1]), np.array([0, 0, 0])
    evaluation = made("abc", labels, predicted, np.ones(3))
    np.testing.assert_allclose(evaluation.precision, [1 / 3, np.nan, np.nan])
    np.testing.assert_allclose(evaluation.recall, [1, 0, np.nan])


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts):
    num_right, num_tries = counts
    expected = binomtest(num_right, num_tries).proportion_ci(method="wilson")
    low, high = wilson_interval(num_right, num_tries)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_labels_that_the_network_does_not_know_are_refused():
    model = Model.of_images(Network(NetworkSpec(4, 2)), (2, 2), ("a", "b"))
    images = np.zeros((3, 2, 2), np.uint8)
    with pytest.raises(DataError, match="label 5; the network knows 0 to 1"):
        evaluate_images(model, ImageSplit(images, np.array([0, 1, 5])))
    with pytest.raises(DataError, match="no images"):
        evaluate_images(model, ImageSplit(images[:0], np.zeros(0, np.int64)))


def test_images_and_tables_have_the_same_figures():
    """Calibration, coverage of sets, classes and confusions are those of classes of either kind."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60, 2, 2), dtype=np.uint8)
    labels = (images[:, 0, 0] > 127).astype(np.int64)
    network = Network.initialized(NetworkSpec(4, 2, (3,), input_scale=1 / 255))
    scores = ConformalScores.of([random.random((40, 1))])
    of_images = replace(Model.of_images(network, (2, 2), ("a", "b")), conformal=scores)
    found = evaluate_images(of_images, ImageSplit(images, labels), "some").to_json()
    frame = pl.DataFrame(images.reshape(60, 4), schema=list("wxyz"))
    schema = infer_schema(frame)
    encoder = Encoder.fit(frame, schema)
    of_table = Model(
        schema, encoder, of_images.targets,
        Network.initialized(NetworkSpec(encoder.num_inputs, 2, (3,))), conformal=scores,
    )  # fmt: skip
    other = evaluation_of(of_table, of_table.member_outputs(frame), labels, "some").to_json()
    assert found.keys() == other.keys()
    for one in (found, other):
        assert one["data"] == "some"
        assert [score["name"] for score in one["scores"]] == ["accuracy", "log loss", "ROC AUC"]
        assert one["accuracy"] == one["scores"][0]["value"]
        assert 0 <= one["expected_calibration_error"] <= 1
        assert one["coverage"]["asked"] == 0.9
        assert np.sum(one["confusion_matrix"]) == 60
