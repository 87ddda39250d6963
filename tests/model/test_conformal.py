import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.errors import DataError, SettingsError
from multilayer.model.conformal import ConformalScores


def test_split_intervals_worked_out_by_hand():
    # 9 scores 1 … 9; coverage 0.8: the ⌈0.8 · 10⌉ = 8th smallest is 8.
    scores = ConformalScores.of([np.arange(9.0, 0, -1)[:, None]])
    lower, upper = scores.intervals(*[np.array([[[100.0], [5.0]]])] * 2, 0.8)
    assert lower.tolist() == [[92.0], [-3.0]]
    assert upper.tolist() == [[108.0], [13.0]]


def test_split_sets_worked_out_by_hand():
    # 4 scores; coverage 0.6: the ⌈0.6 · 5⌉ = 3rd smallest is 0.5: classes of probability ≥ 0.5.
    scores = ConformalScores.of([np.array([[0.1], [0.25], [0.5], [0.75]])])
    probabilities = np.array([[[0.5, 0.5, 0.0], [0.375, 0.375, 0.25], [0.875, 0.125, 0.0]]])
    # In the second row no class is probable enough: the first of the most probable is kept.
    expected = [[True, True, False], [True, False, False], [True, False, False]]
    assert scores.sets(probabilities, 0.6).tolist() == expected


@given(
    st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=9), min_size=1, max_size=4),
    st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4),
    st.floats(0.05, 0.95),
)
def test_intervals_are_order_statistics_of_all_members(scores, predictions, coverage):
    """Barber et al. (2021), 1.3: the ends are quantiles of μ₋ₖ(x) ± R over all held-out rows."""
    num_rows = sum(map(len, scores))
    rank = int(np.ceil(coverage * (num_rows + 1) - 1e-9))
    conformal = ConformalScores.of([np.array(each)[:, None] for each in scores])
    centres = np.array(predictions[: len(scores)])
    if rank > num_rows:
        with pytest.raises(DataError, match="needs at least"):
            conformal.intervals(*[centres[:, None, None]] * 2, coverage)
        return
    lower, upper = conformal.intervals(*[centres[:, None, None]] * 2, coverage)
    pairs = [
        (centre, score) for centre, each in zip(centres, scores, strict=True) for score in each
    ]
    uppers = sorted(centre + score for centre, score in pairs)
    lowers = sorted(centre - score for centre, score in pairs)
    low, high = lowers[num_rows - rank], uppers[rank - 1]
    if high < low:  # both ends are then in the middle
        low = high = (low + high) / 2
    assert upper[0, 0] == pytest.approx(high, abs=1e-8)
    assert lower[0, 0] == pytest.approx(low, abs=1e-8)


@pytest.mark.parametrize("num_members", [1, 5])
def test_new_rows_are_covered(num_members):
    """Predictions that are off by noise of their own; the coverage is an average over draws."""
    generator = np.random.default_rng(0)
    is_covered = []
    for _ in range(300):
        noise = [generator.standard_normal((60 // num_members, 1)) for _ in range(num_members)]
        scores = ConformalScores.of([np.abs(each) for each in noise])
        truth = generator.standard_normal((1, 50, 1))
        lower, upper = scores.intervals(*[np.zeros((num_members, 50, 1))] * 2, 0.9)
        is_covered.append((lower <= truth[0]) & (truth[0] <= upper))
    assert np.mean(is_covered) == pytest.approx(0.9, abs=0.01)


def test_several_outputs_have_intervals_of_their_own():
    scores = ConformalScores.of([np.array([[1.0, 30.0], [2.0, 10.0], [3.0, 20.0]])])
    lower, upper = scores.intervals(*[np.zeros((1, 1, 2))] * 2, 0.75)
    assert upper.tolist() == [[3.0, 30.0]]
    assert lower.tolist() == [[-3.0, -30.0]]


def test_too_few_rows_make_a_set_of_all_classes_but_no_interval():
    scores = ConformalScores.of([np.full((8, 1), 0.5)])
    assert scores.sets(np.array([[[0.9, 0.1]]]), 0.9).all()
    with pytest.raises(DataError, match="coverage 0.9 needs at least 9 held-out rows; .* with 8"):
        scores.intervals(*[np.zeros((1, 1, 1))] * 2, 0.9)


def test_very_many_scores_are_thinned_without_moving_their_quantiles():
    scores = ConformalScores.of([np.random.default_rng(1).random((200_000, 1))])
    assert scores.num_rows == 10_000
    _, upper = scores.intervals(*[np.zeros((1, 1, 1))] * 2, 0.9)
    assert upper[0, 0] == pytest.approx(0.9, abs=0.003)


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 90, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    scores = ConformalScores.of([np.ones((20, 1))])
    with pytest.raises(SettingsError, match="coverage must be a number between 0 and 1"):
        scores.intervals(*[np.zeros((1, 1, 1))] * 2, coverage)
    with pytest.raises(SettingsError, match="coverage must be a number between 0 and 1"):
        scores.sets(np.ones((1, 1, 2)), coverage)


def test_ends_of_ranges_are_moved_apart_or_together():
    lower, upper = np.array([[[0.0], [1.0]]]), np.array([[[10.0], [2.0]]])
    wider = ConformalScores.of([np.arange(1.0, 10)[:, None]])
    low, high = wider.intervals(lower, upper, 0.8)
    assert (low.tolist(), high.tolist()) == ([[-8.0], [-7.0]], [[18.0], [10.0]])
    narrower = ConformalScores.of([np.arange(-9.0, 0)[:, None]])
    low, high = narrower.intervals(lower, upper, 0.8)  # the 8th smallest is -2
    assert (low.tolist(), high.tolist()) == ([[2.0], [1.5]], [[8.0], [1.5]])
