"""A small table is not learned worse than by counting: few distinct rows, mixed answers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
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
    """Two columns of few values, numbers or text, and 2 to 4 classes that go with them as drawn.

    Some go with nothing, some as in XOR, some are nearly all of one class.
    """
    num_levels = tuple(generator.integers((1, 2), (7, 6)))
    num_classes = generator.integers(2, 5)
    logits = generator.normal(0, generator.choice([0, 0.5, 1, 3]), (*num_levels, num_classes))
    kind = generator.choice(["as drawn", "xor", "rare"])
    if kind == "xor":
        logits[..., 0] += np.where(np.indices(num_levels).sum(0) % 2, 2, -2)
    elif kind == "rare":
        logits[..., 0] += 4
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    is_text = generator.random(2) < 0.5

    def rows(number):
        levels = [generator.integers(0, most, number) for most in num_levels]
        columns = [c.astype(str) if t else c for c, t in zip(levels, is_text, strict=True)]
        ends = shares[tuple(levels)].cumsum(1)[:, :-1]
        classes = (generator.random((number, 1)) > ends).sum(1)
        return pd.DataFrame(dict(zip("ab", columns, strict=True))), classes

    return (*rows(num_rows), *rows(1000))


@pytest.mark.filterwarnings("ignore::multilayer.DataWarning")
@pytest.mark.parametrize(
    ("seed", "num_rows"), list(enumerate([6, 8, 10, 15, 24, 40, 60, 150, 15, 40, 8, 24]))
)
def test_a_table_of_few_distinct_rows_is_learned_no_worse_than_by_counting(seed, num_rows):
    """Log loss on new rows is at most 0.1 above that of the base rates, from 8 rows on.

    A class that the table does not hold is left out of the new rows. Below 60 rows counting may be
    better by 0.4, as what 3 equal rows have in common is not told from noise by networks. The seeds
    are fixed: of all samples there are some whose chance nobody can know, such as 15 rows of noise
    of which the four with one value are just the four of one class.
    """
    generator = np.random.default_rng(seed)
    frame, answers, others, truth = mixed_answers(generator, num_rows)
    answers[:2] = 0, 1  # a class alone is refused
    is_known = np.isin(truth, answers)
    others, truth = others[is_known], truth[is_known]
    classifier = MLPClassifier(random_state=0, max_iter=64).fit(frame, answers)
    base, counted = by_counting(frame, answers, others, classifier.classes_)
    found = classifier.predict_proba(others)
    losses = [log_loss(truth, each, labels=classifier.classes_) for each in (found, base, counted)]
    assert losses[0] < losses[1] + (0.1 if num_rows >= 8 else 0.2), losses
    assert losses[0] < losses[2] + (0.1 if num_rows >= 60 else 0.4), losses


@pytest.mark.parametrize("num_rows", [8, 30])
def test_few_rows_of_noise_are_answered_by_the_base_rate(num_rows):
    """And few rows that tell the classes apart are not."""
    generator = np.random.default_rng(1)
    inputs, classes = generator.normal(size=(num_rows, 3)), np.arange(num_rows) % 2
    noise = MLPClassifier(random_state=0, max_iter=64).fit(inputs, classes)
    assert np.abs(noise.predict_proba(generator.normal(size=(100, 3))) - 0.5).mean() < 0.2
    told = MLPClassifier(random_state=0, max_iter=64).fit(inputs + 3 * classes[:, None], classes)
    others = generator.normal(size=(100, 3)) + 3 * (np.arange(100) % 2)[:, None]
    assert log_loss(np.arange(100) % 2, told.predict_proba(others)) < 0.4


def test_numbers_to_predict_of_few_distinct_rows_are_learned():
    generator = np.random.default_rng(0)
    levels = np.repeat(np.arange(8), 15)
    numbers = np.array([5, 1, 4, 2, 8, 3, 7, 6])[levels] + np.round(generator.normal(0, 0.5, 120))
    frame = pd.DataFrame({"level": [f"level {level}" for level in levels]})
    regressor = MLPRegressor(random_state=0).fit(frame, numbers)
    assert regressor.score(frame, numbers) > 0.85
    assert regressor.model_.conformal.num_rows == 24


def mixed_numbers(generator, num_rows):
    """Two columns of few values, numbers or text, and a mean drawn for each pair of values."""
    num_levels = tuple(generator.integers((1, 2), (7, 6)))
    means = generator.normal(0, generator.choice([0, 0.5, 1, 3]), num_levels)
    is_text = generator.random(2) < 0.5

    def rows(number):
        levels = [generator.integers(0, most, number) for most in num_levels]
        columns = [c.astype(str) if t else c for c, t in zip(levels, is_text, strict=True)]
        frame = pd.DataFrame(dict(zip("ab", columns, strict=True)))
        return frame, means[tuple(levels)] + generator.normal(size=number)

    return (*rows(num_rows), *rows(1000))


@pytest.mark.filterwarnings("ignore::multilayer.DataWarning")
@pytest.mark.parametrize("num_rows", [6, 10, 15, 24, 40, 60, 150])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_numbers_of_any_small_table_are_predicted_no_worse_than_by_means(seed, num_rows):
    """Squared errors on new rows against those of the mean and of a mean for each distinct row.

    The latter has two rows of the mean beside it. It may be better by more below 60 rows, of which
    networks do not tell the means of 2 equal rows from noise.
    """
    frame, numbers, others, truth = mixed_numbers(np.random.default_rng(seed), num_rows)
    found = MLPRegressor(random_state=0).fit(frame, numbers).predict(others)
    rows, asked = (each.astype(str).agg("|".join, axis=1) for each in (frame, others))
    groups = pd.Series(numbers).groupby(rows).agg(["sum", "count"]).reindex(asked).fillna(0)
    by_row = ((groups["sum"] + 2 * numbers.mean()) / (groups["count"] + 2)).to_numpy()
    errors = [np.mean((truth - each) ** 2) for each in (found, numbers.mean(), by_row)]
    assert errors[0] < 1.4 * errors[1], errors
    assert errors[0] < (1.3 if num_rows >= 60 else 2.1) * errors[2], errors
