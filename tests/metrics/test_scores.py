import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from multilayer.encoding.targets import Targets
from multilayer.metrics.calibration import reliability_of_answers
from multilayer.metrics.scores import (
    absent_classes,
    absent_in_words,
    class_scores,
    figure,
    label_scores,
    number_scores,
    poisson_score,
    quantile_scores,
    scores_of,
)


def _reliability(probabilities, classes, num_bins=15):
    is_right = probabilities.argmax(axis=1) == classes
    return reliability_of_answers(probabilities.max(axis=1), is_right, num_bins)


def probabilities_and_classes(num_rows: int, num_classes: int):
    generator = np.random.default_rng(num_rows)
    probabilities = generator.dirichlet(np.ones(num_classes), num_rows).round(1) + 0.01
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    classes = np.array([generator.choice(num_classes, p=row) for row in probabilities])
    return probabilities, classes


def by_name(scores):
    return {score.name: score for score in scores}


@pytest.mark.parametrize("num_classes", [2, 4])
def test_class_scores_are_those_of_scikit_learn(num_classes):
    probabilities, classes = probabilities_and_classes(200, num_classes)
    scores = by_name(class_scores(probabilities, classes))
    predicted = probabilities.argmax(1)
    assert scores["accuracy"].value == pytest.approx(metrics.accuracy_score(classes, predicted))
    assert scores["log loss"].value == pytest.approx(metrics.log_loss(classes, probabilities))
    if num_classes == 2:
        area = metrics.roc_auc_score(classes, probabilities[:, 1])
        assert scores["ROC AUC"].value == pytest.approx(area, abs=1e-12)
    else:
        recall = metrics.balanced_accuracy_score(classes, predicted)
        assert scores["balanced accuracy"].value == pytest.approx(recall, abs=1e-12)
    assert all(score.low < score.value < score.high for score in scores.values())


def test_number_scores_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    targets = generator.normal(5, 2, 150)
    predictions = targets + generator.normal(0, 1, 150)
    scores = by_name(number_scores(predictions, targets))
    rmse = metrics.root_mean_squared_error(targets, predictions)
    assert scores["RMSE"].value == pytest.approx(rmse)
    assert scores["MAE"].value == pytest.approx(metrics.mean_absolute_error(targets, predictions))
    assert scores["R²"].value == pytest.approx(metrics.r2_score(targets, predictions))
    assert all(score.low < score.value < score.high for score in scores.values())


def test_label_scores_are_those_of_scikit_learn():
    generator = np.random.default_rng(1)
    truths = generator.integers(0, 2, (100, 3))
    probabilities = np.clip(0.6 * truths + 0.4 * generator.random(truths.shape), 0.01, 0.99)
    scores = by_name(label_scores(probabilities, truths))
    assert scores["all labels right"].value == metrics.accuracy_score(truths, probabilities > 0.5)
    losses = [metrics.log_loss(truths[:, label], probabilities[:, label]) for label in range(3)]
    assert scores["log loss"].value == pytest.approx(np.mean(losses))


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_area_counts_pairs(num_rows, seed):
    generator = np.random.default_rng(seed)
    second = generator.integers(0, 4, num_rows) / 4
    classes = generator.integers(0, 2, num_rows)
    scores = by_name(class_scores(np.stack([1 - second, second], axis=1), classes))
    ones, zeros = second[classes == 1], second[classes == 0]
    if not len(ones) or not len(zeros):
        assert np.isnan(scores["ROC AUC"].value)
        return
    pairs = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    assert scores["ROC AUC"].value == pytest.approx(pairs.mean(), abs=1e-12)


def test_the_interval_of_a_mean_is_that_of_the_central_limit_theorem():
    generator = np.random.default_rng(0)
    targets = np.zeros(4000)
    [_, mae, _] = number_scores(generator.exponential(1, 4000), targets)
    assert (mae.high - mae.low) / 2 == pytest.approx(1.96 / np.sqrt(4000), rel=0.1)


def test_equal_targets_have_no_r_squared():
    [_, _, explained] = number_scores(np.arange(5.0), np.ones(5))
    assert np.isnan([explained.value, explained.low, explained.high]).all()


def test_calibration_worked_out_by_hand():
    # 3 answers at 0.9 of which 2 are right, 1 at 0.6 that is wrong.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    result = _reliability(probabilities, np.array([0, 1, 1, 1]), num_bins=10)
    assert result.confidences == pytest.approx([0.6, 0.9])
    assert result.accuracies == pytest.approx([0, 2 / 3])
    assert result.counts.tolist() == [1, 3]
    assert result.expected_error == pytest.approx(0.25 * 0.6 + 0.75 * (0.9 - 2 / 3))


def test_classes_drawn_from_their_probabilities_are_calibrated():
    probabilities, classes = probabilities_and_classes(20_000, 3)
    assert _reliability(probabilities, classes).expected_error < 0.015


def test_quantile_and_count_scores_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    counts = generator.poisson(3, 300).astype(float)
    rates = generator.uniform(0.5, 6, 300)
    score = poisson_score(rates, counts)
    assert score.value == pytest.approx(metrics.mean_poisson_deviance(counts, rates), abs=1e-10)
    assert score.low < score.value < score.high
    assert np.isnan(poisson_score(np.zeros(300), counts).value)
    quantiles = np.sort(generator.normal(3, 1, (300, 2)))
    scores = by_name(quantile_scores(quantiles, counts, (0.25, 0.9)))
    for level, quantile in zip((0.25, 0.9), quantiles.T, strict=True):
        expected = metrics.mean_pinball_loss(counts, quantile, alpha=level)
        assert scores[f"pinball loss of quantile {level}"].value == pytest.approx(expected)
        below = scores[f"share below quantile {level}"]
        assert below.value == (counts <= quantile).mean()
        assert below.low < below.value < below.high


def test_the_scores_of_numbers_follow_the_loss():
    """The median of quantiles 0.25 and 0.75 is their middle, here always the truth."""
    numbers = np.array([[1.0], [2.0], [4.0]])
    targets = Targets.fit(numbers, loss="quantile", quantiles=(0.25, 0.75))
    answers = numbers + np.array([-1.0, 1.0])
    scores = by_name(scores_of(targets, answers, targets.encode(numbers)))
    assert scores["MAE"].value == pytest.approx(0, abs=1e-6)
    assert scores["pinball loss of quantile 0.25"].value == pytest.approx(0.25)
    targets = Targets.fit(numbers, "regression", loss="poisson")
    scores = by_name(scores_of(targets, numbers, targets.encode(numbers)))
    assert list(scores) == ["RMSE", "MAE", "R²", "Poisson deviance"]
    assert scores["Poisson deviance"].value == pytest.approx(0, abs=1e-6)


def test_baselines_are_scores_of_the_best_constant_answer():
    generator = np.random.default_rng(0)
    probabilities, classes = probabilities_and_classes(100, 3)
    constant = np.tile(np.bincount(classes) / 100, (100, 1))
    for own, of_constant in zip(
        class_scores(probabilities, classes), class_scores(constant, classes), strict=True
    ):
        assert own.baseline == pytest.approx(of_constant.value)
    numbers, counts = generator.normal(5, 2, 100), generator.poisson(3, 100).astype(float)
    rmse, mae, explained = number_scores(numbers + 1, numbers)
    assert rmse.baseline == pytest.approx(
        number_scores(np.full(100, numbers.mean()), numbers)[0].value
    )
    assert mae.baseline == pytest.approx(
        number_scores(np.full(100, np.median(numbers)), numbers)[1].value
    )
    assert explained.baseline == 0
    assert poisson_score(counts + 1, counts).baseline == pytest.approx(
        poisson_score(np.full(100, counts.mean()), counts).value
    )
    labels = generator.integers(0, 2, (100, 2))
    shares = np.tile(labels.mean(axis=0), (100, 1))
    own, of_constant = label_scores(1 - shares, labels), label_scores(shares, labels)
    for place in (1, 2):
        assert own[place].baseline == pytest.approx(of_constant[place].value)


def test_figures_are_plain():
    assert [figure(value) for value in (73210.4, 0.12345, 1e-7, 12.0, np.nan, None)] == [
        "73210", "0.1235", "1e-07", "12", "none", "none",
    ]  # fmt: skip


def test_absent_classes_are_named():
    targets = Targets.fit(["a", "b", "c"] * 9)
    assert absent_classes(targets, targets.encode(["a", "c"])) == ["b"]
    assert absent_classes(Targets.fit([1.5, 2.5]), np.zeros((2, 1))) == []
    assert "balanced accuracy is over the other 2" in absent_in_words(["b"], 3)
