"""The greedy mixture is what a plain reading of its rule finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.pack.mixture import greedy_counts, losses_without, mixture_loss


def cross_entropy(predictions):
    return -np.log(np.maximum(predictions, 1e-15)).mean(axis=(-2, -1))


def plainly(predictions: np.ndarray, most_added: int) -> list[int]:
    """The rule, a candidate and a number at a time."""
    added: list[int] = []
    found: list[tuple[float, list[int]]] = []
    for _ in range(most_added):
        best_loss, best = np.inf, None
        for candidate in range(len(predictions)):
            total = np.zeros_like(predictions[0])
            for one in [*added, candidate]:
                total = total + predictions[one]
            loss = float(cross_entropy(total / (len(added) + 1)))
            if loss < best_loss - 1e-12:
                best_loss, best = loss, candidate
        assert best is not None
        added.append(best)
        found.append((best_loss, list(added)))
    least = min(loss for loss, _ in found)
    chosen = next(added for loss, added in found if loss < least + 1e-12)
    return [chosen.count(candidate) for candidate in range(len(predictions))]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_candidates=st.integers(1, 6),
    num_rows=st.integers(1, 25),
    most_added=st.integers(1, 12),
)
def test_it_is_the_mixture_of_a_plain_greedy_search(seed, num_candidates, num_rows, most_added):
    source = np.random.default_rng(seed)
    predictions = source.uniform(0.05, 1, (num_candidates, num_rows, 1))
    counts = greedy_counts(predictions, cross_entropy, most_added)
    assert counts.tolist() == plainly(predictions, most_added)


def test_it_is_worked_out_by_hand():
    # Each of the first two is right about one of two rows; the third is so-so about both.
    predictions = np.array([[[0.9], [0.1]], [[0.1], [0.9]], [[0.4], [0.4]]])
    # The third is added first: √0.16 > √0.09. The mean of all three is 1.4 / 3 for both rows; the
    # longer the way, the nearer to 1 / 2.
    assert greedy_counts(predictions, cross_entropy, 1).tolist() == [0, 0, 1]
    assert greedy_counts(predictions, cross_entropy, 3).tolist() == [1, 1, 1]
    counts = greedy_counts(predictions, cross_entropy)
    assert counts[0] == counts[1] > 10
    assert mixture_loss(predictions, counts, cross_entropy) < -np.log(0.49)


def test_a_candidate_that_is_not_finite_is_never_added():
    predictions = np.array([[[np.nan], [np.nan]], [[0.5], [0.4]]])
    assert greedy_counts(predictions, cross_entropy).tolist()[0] == 0
    with pytest.raises(ValueError, match="no candidate"):
        greedy_counts(predictions[:1], cross_entropy)


def test_of_equal_candidates_the_first_is_taken():
    predictions = np.full((4, 3, 1), 0.5)
    assert greedy_counts(predictions, cross_entropy).tolist() == [1, 0, 0, 0]


def test_what_each_adds_is_what_the_loss_rises_by_without_it():
    source = np.random.default_rng(0)
    predictions = source.uniform(0.1, 1, (5, 40, 1))
    counts = greedy_counts(predictions, cross_entropy)
    whole = mixture_loss(predictions, counts, cross_entropy)
    found = losses_without(predictions, counts, cross_entropy)
    for candidate, count in enumerate(counts):
        if not count:
            assert np.isnan(found[candidate])
            continue
        rest = [k for k in range(5) for _ in range(counts[k]) if k != candidate]
        mean = np.mean([predictions[k] for k in rest], axis=0)
        assert found[candidate] == pytest.approx(cross_entropy(mean), abs=1e-12)
    assert whole <= np.nanmin(found) + 1e-3
    assert np.isnan(losses_without(predictions, np.array([0, 3, 0, 0, 0]), cross_entropy)).all()


def test_it_does_not_depend_on_how_many_are_looked_at_at_once(monkeypatch):
    predictions = np.random.default_rng(1).uniform(0.1, 1, (9, 30, 1))
    whole = greedy_counts(predictions, cross_entropy)
    monkeypatch.setattr("multilayer.pack.mixture._MOST_VALUES_AT_ONCE", 60)
    assert greedy_counts(predictions, cross_entropy).tolist() == whole.tolist()
