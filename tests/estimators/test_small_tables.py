"""A small table is not learned worse than by counting: few distinct rows, mixed answers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from multilayer import MLPClassifier, MLPRegressor


def options(generator, num_rows):
    """Eight answers to one question; each goes with one class in 88% of the rows."""
    levels = generator.integers(0, 8, num_rows)
    classes = np.where(generator.random(num_rows) < 0.88, levels % 2, 1 - levels % 2)
    return pd.DataFrame({"answer": [f"option {level}" for level in levels]}), classes


def ratings(generator, num_rows):
    """One to five stars as numbers, which the answers neither rise nor fall with."""
    stars = generator.integers(1, 6, num_rows)
    is_odd = generator.random(num_rows) < np.array([0.1, 0.9, 0.1, 0.9, 0.1])[stars - 1]
    return pd.DataFrame({"stars": stars}), np.where(is_odd, "yes", "no")


def passengers(generator, num_rows):
    """As the Titanic's: sex, class and age, 12 distinct rows."""
    is_woman, is_child = generator.random((2, num_rows)) < [[0.35], [0.07]]
    of_class = generator.choice([1, 2, 3], num_rows, p=[0.25, 0.2, 0.55])
    score = np.where(is_woman, 2.2, -1.4) + np.array([0.9, 0.0, -0.8])[of_class - 1] + is_child
    frame = pd.DataFrame({"woman": is_woman, "class": of_class, "child": is_child})
    return frame, (generator.random(num_rows) < 1 / (1 + np.exp(-score))).astype(int)


def rare(generator, num_rows):
    """Nothing tells enough: the majority is the best answer everywhere."""
    levels = generator.integers(0, 3, num_rows)
    is_bad = generator.random(num_rows) < np.array([0.02, 0.15, 0.3])[levels]
    return pd.DataFrame({"kind": np.array(["a", "b", "c"])[levels]}), is_bad.astype(int)


def by_counting(frame: pd.DataFrame, answers: Any, others: pd.DataFrame, classes: Any) -> Any:
    """Shares of the classes among equal rows, with two rows of the base rates beside them."""
    base = np.array([(answers == each).mean() for each in classes])
    rows, asked = (each.astype(str).agg("|".join, axis=1) for each in (frame, others))
    counts = pd.crosstab(rows, answers).reindex(index=asked, columns=classes, fill_value=0)
    counts = counts.to_numpy() + 2 * base
    return np.tile(base, (len(others), 1)), counts / counts.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("table", "num_rows"),
    [
        (options, 30), (options, 60), (options, 200), (ratings, 20), (ratings, 100),
        (passengers, 100), (passengers, 240), (rare, 60), (rare, 300),
    ],
)  # fmt: skip
def test_a_small_table_is_learned_no_worse_than_by_counting(table, num_rows):
    frame, answers = table(np.random.default_rng(0), num_rows)
    others, truth = table(np.random.default_rng(100), 1000)
    classifier = MLPClassifier(random_state=0).fit(frame, answers)
    classes = classifier.classes_
    base, counted = by_counting(frame, answers, others, classes)
    found = classifier.predict_proba(others)
    losses = [log_loss(truth, each, labels=classes) for each in (found, base, counted)]
    shares = [(classes[each.argmax(1)] == truth).mean() for each in (found, base, counted)]
    assert losses[0] < min(losses[1] + 0.05, losses[2] + 0.2)
    assert shares[0] > max(shares[1] - 0.05, shares[2] - 0.12)


def mixed_answers(generator, num_rows):
    """Two columns of few values, numbers or text, and classes that go with them as drawn."""
    num_levels = tuple(generator.integers((1, 2), (5, 5)))
    logits = generator.normal(0, generator.choice([0.5, 1, 3]), (*num_levels, 2))
    shares = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    is_text = generator.random(2) < 0.5

    def rows(number):
        levels = [generator.integers(0, most, number) for most in num_levels]
        columns = [c.astype(str) if t else c for c, t in zip(levels, is_text, strict=True)]
        classes = (generator.random(number) < shares[tuple(levels)]).astype(int)
        return pd.DataFrame(dict(zip("ab", columns, strict=True))), classes

    return (*rows(num_rows), *rows(1000))


@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32 - 1), st.sampled_from([12, 24, 60, 150]))
def test_any_table_of_few_distinct_rows_is_learned_no_worse_than_by_counting(seed, num_rows):
    generator = np.random.default_rng(seed)
    frame, answers, others, truth = mixed_answers(generator, num_rows)
    answers[:2] = 0, 1  # a class alone is refused
    classifier = MLPClassifier(random_state=0, max_iter=64).fit(frame, answers)
    base, counted = by_counting(frame, answers, others, classifier.classes_)
    found = classifier.predict_proba(others)
    losses = [log_loss(truth, each, labels=[0, 1]) for each in (found, base, counted)]
    assert losses[0] < max(losses[1], losses[2]) + 0.25, losses
    if num_rows >= 60:
        assert losses[0] < min(losses[1] + 0.1, losses[2] + 0.2), losses


def test_numbers_to_predict_of_few_distinct_rows_are_learned():
    generator = np.random.default_rng(0)
    levels = np.repeat(np.arange(8), 15)
    numbers = np.array([5, 1, 4, 2, 8, 3, 7, 6])[levels] + np.round(generator.normal(0, 0.5, 120))
    frame = pd.DataFrame({"level": [f"level {level}" for level in levels]})
    regressor = MLPRegressor(random_state=0).fit(frame, numbers)
    assert regressor.score(frame, numbers) > 0.85
    assert regressor.model_.conformal.num_rows == 24
