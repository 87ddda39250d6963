"""The error rates that a comparison promises, by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from multilayer.errors import SettingsError
from multilayer.experiments.problem import ArrayProblem
from multilayer.experiments.repetitions import repeat
from multilayer.experiments.sequential import SequentialComparison, holm, looks_up_to
from multilayer.fit.image_rows import image_examples
from multilayer.images.datasets import load_digits
from multilayer.recipes.recipes import recipe

LOOKS = looks_up_to(40)
NUM_SIMULATIONS = 2000
# Of a share of 5% in so many simulations: three standard deviations.
SLACK = 3 * np.sqrt(0.05 * 0.95 / NUM_SIMULATIONS)


def verdicts_of(scores, matters=1.0, looks=LOOKS) -> list[str]:
    """Looks at scores (num_settings, num_seeds) as `compare` does."""
    rule = SequentialComparison(len(scores), looks, matters)
    for num_seeds in looks:
        rule.look([values[:num_seeds] for values in scores])
        if rule.is_decided:
            break
    return [pair.verdict for pair in rule.pairs]


def share(verdict_lists, *verdicts) -> float:
    return np.mean([any(v in verdicts for v in found) for found in verdict_lists])


NOISES = {
    "normal": lambda source, shape: source.standard_normal(shape),
    "heavy tails": lambda source, shape: source.standard_t(3, shape) / np.sqrt(3),
    "skewed": lambda source, shape: source.exponential(1, shape),
    "steps": lambda source, shape: np.round(source.standard_normal(shape) * 2) / 2,
}


@pytest.mark.parametrize("noise", NOISES)
def test_settings_that_are_equal_are_found_different_as_rarely_as_promised(noise):
    source = np.random.default_rng(0)
    found = [
        verdicts_of(NOISES[noise](source, (2, 40)), matters=1.5) for _ in range(NUM_SIMULATIONS)
    ]
    assert share(found, "first is better", "second is better") <= 0.05 + SLACK
    assert share(found, "no difference that matters") >= 0.95 - SLACK


def test_looking_without_correction_would_break_the_promise():
    """The simulation above can fail: here is the rule that people use, and its error rate."""
    source = np.random.default_rng(0)
    num_wrong = 0
    for _ in range(NUM_SIMULATIONS):
        differences = source.standard_normal(40)
        num_wrong += any(stats.ttest_1samp(differences[:n], 0).pvalue < 0.05 for n in LOOKS)
    assert num_wrong / NUM_SIMULATIONS > 0.1


def test_the_intervals_hold_at_all_looks_together():
    source = np.random.default_rng(1)
    num_missed = 0
    for _ in range(NUM_SIMULATIONS):
        scores = source.standard_normal((2, 40)) + np.array([[0.0], [0.3]])
        is_missed = False
        for num_seeds in LOOKS:
            [pair] = SequentialComparison(2, LOOKS, matters=1e-9).look(scores[:, :num_seeds])
            is_missed |= not pair.difference.low <= 0.3 <= pair.difference.high
        num_missed += is_missed
    assert num_missed / NUM_SIMULATIONS <= 0.05 + SLACK


def test_a_difference_is_found():
    source = np.random.default_rng(2)
    for difference, least in ((0.7, 0.7), (1.0, 0.95)):  # in deviations of a score
        found = [
            verdicts_of(
                source.standard_normal((2, 40)) + np.array([[0.0], [difference]]), matters=0.05
            )
            for _ in range(300)
        ]
        assert share(found, "second is better") >= least
        assert share(found, "first is better", "no difference that matters") <= 0.02


def test_a_difference_at_the_border_of_what_matters_is_rarely_denied():
    source = np.random.default_rng(3)
    found = [
        verdicts_of(source.standard_normal((2, 40)) * 0.5 + np.array([[0.0], [0.4]]), matters=0.4)
        for _ in range(NUM_SIMULATIONS)
    ]
    assert share(found, "no difference that matters", "first is better") <= 0.05 + SLACK


def test_four_equal_settings_are_found_different_as_rarely_as_two():
    source = np.random.default_rng(4)
    found = [verdicts_of(source.standard_normal((4, 40)), matters=2.0) for _ in range(500)]
    assert share(found, "first is better", "second is better") <= 0.05 + 3 * np.sqrt(0.05 / 500)
    assert all(len(verdicts) == 6 for verdicts in found)


def test_a_network_compared_with_itself_under_other_seeds_is_no_different():
    """The scores of real networks, not of a formula: 160 seeds, drawn into two groups of 40."""
    digits = load_digits()
    problem = ArrayProblem("digits", image_examples(digits.train, digits), 10, 1 / 255)
    settings = recipe(hidden_widths=(16,), max_epochs=4, batch_size=64)
    members = [replace(settings, seed=seed) for seed in range(160)]
    accuracies = repeat(problem, members).scores["accuracy"]
    source = np.random.default_rng(5)
    matters = 1.5 * accuracies.std()
    found = [
        verdicts_of(source.permutation(accuracies)[:80].reshape(2, 40), matters)
        for _ in range(NUM_SIMULATIONS)
    ]
    assert accuracies.std() > 0.005
    assert share(found, "first is better", "second is better") <= 0.05 + SLACK
    assert share(found, "no difference that matters") >= 0.95 - SLACK


def test_a_setting_whose_pairs_are_decided_gets_no_more_seeds():
    rule = SequentialComparison(3, LOOKS, matters=0.01)
    source = np.random.default_rng(6)
    scores = source.standard_normal((3, 40)) * 0.1 + np.array([[0.0], [0.0], [9.0]])
    rule.look([values[:5] for values in scores])
    assert [pair.verdict for pair in rule.pairs] == [
        "undecided", "second is better", "second is better",
    ]  # fmt: skip
    assert rule.undecided_settings == [0, 1]
    rule.look([scores[0, :10], scores[1, :10], scores[2, :5]])
    assert [pair.num_seeds for pair in rule.pairs] == [10, 5, 5]


def test_a_difference_that_is_sure_and_too_small_does_not_matter():
    values = np.linspace(0, 1, 5)
    [pair] = SequentialComparison(2, (5,), matters=0.1).look(
        [values, values + np.array([0.05, 0.0501, 0.0499, 0.05, 0.05])]
    )
    assert pair.p_difference < 0.001
    assert pair.verdict == "no difference that matters"


def test_holm_by_hand():
    # Ascending 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling: 0.04, 0.06, 0.06, 0.06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_looks_double_up_to_the_limit():
    assert looks_up_to(5) == (5,)
    assert looks_up_to(40) == (5, 10, 20, 40)
    assert looks_up_to(33) == (5, 10, 20, 33)
    with pytest.raises(SettingsError, match="max_seeds must be at least 5 .*; it is 4"):
        looks_up_to(4)


def test_what_matters_is_above_zero():
    with pytest.raises(SettingsError, match="matters must be a number above 0; it is 0"):
        SequentialComparison(2, LOOKS, 0)
