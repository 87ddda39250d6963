"""What categories say of the target, out of fold: nothing leaks, and what is there is found."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.errors import DataWarning, SettingsError
from multilayer.experiments.table_problem import TableProblem
from multilayer.fit.fit import Fit
from multilayer.fit.incremental_fit import IncrementalFit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows
from multilayer.model.model_file import load_model, load_predictor, save_model

QUICK = {"hidden_widths": (16,), "max_epochs": 2, "category_statistics": True}
NUM_CATEGORIES = 1000
EFFECTS = np.random.default_rng(9).normal(0, 1.5, NUM_CATEGORIES)


def table(seed, num_rows=4000, effect=0.0, num_categories=NUM_CATEGORIES):
    """A column that says something, and one of many categories that do as far as `effect` goes."""
    source = np.random.default_rng(seed)
    number, category = source.normal(size=num_rows), source.integers(0, num_categories, num_rows)
    chance = 1 / (1 + np.exp(-0.7 * number - effect * EFFECTS[category]))
    frame = pl.DataFrame({"x": number, "c": [f"name {place}" for place in category]})
    return Rows(frame, (source.random(num_rows) < chance).astype(np.int64))


def small(task="binary", seed=0, num_rows=150, **more):
    """A few rows with a category of 12 values and targets of that task."""
    rows = table(seed, num_rows, 1.0, 12)
    source = np.random.default_rng(seed)
    targets = {
        "binary": rows.targets,
        "multiclass": source.integers(0, 3, num_rows),
        "many classes": np.arange(num_rows) % 11,
        "multilabel": source.integers(0, 2, (num_rows, 2)),
        "regression": source.normal(100, 20, (num_rows, 2)),
    }[task]
    return replace(rows, targets=targets, **more)


def prepared(rows, **changes):
    return prepare(rows, infer_schema(rows.frame), recipe_name="default", changes=QUICK | changes)


def fitted(rows, **changes):
    fit = Fit(prepared(rows, **changes))
    for _ in fit.epochs():
        pass
    return fit


def statistics(fit):
    """(num_members, versions, codes, statistics)."""
    spec = fit.network.spec
    flat = spec.slots["categories.statistics"].view(fit.network.parameters)
    return flat.unflatten(1, (spec.statistic_versions, -1))


def versions_of(data):
    size = data.encoder.category_sizes[0]
    return data.examples.inputs[:, -1].long().numpy() // size


def log_loss(model, rows):
    model = replace(model, on_unseen="ignore")
    chance = model.probabilities(rows.frame)[np.arange(len(rows)), rows.targets]
    return -np.log(chance).mean()


# Gradient descent learns embeddings slowly, a few rows a category, and statistics from all rows.
SLOW_EMBEDDING = {
    "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.5, "max_epochs": 4,
    "selection": "last", "validation_fraction": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def losses():
    """Held-out losses beside a random category: without it, with statistics, with leaking ones."""
    rows, held_out = table(1), table(2)
    without = replace(rows, features=rows.frame.drop("c"))
    honest = prepared(rows, **SLOW_EMBEDDING)
    leaking = Fit(honest)
    everything = statistics(leaking)[:, :1].clone()
    statistics(leaking).copy_(everything)  # each row meets its own target
    for _ in leaking.epochs():
        pass
    with pytest.warns(DataWarning, match="no categorical column"):
        plain = fitted(without, **SLOW_EMBEDDING)
    models = {
        "without": plain.model(),
        "honest": fitted(rows, **SLOW_EMBEDDING).model(),
        "leaking": leaking.model(),
    }
    return {name: log_loss(model, held_out) for name, model in models.items()}


def test_a_random_category_of_1000_values_brings_nothing_on_held_out_rows(losses):
    assert abs(losses["honest"] - losses["without"]) < 0.005


def test_statistics_that_hold_a_row_s_own_target_would_be_noticed(losses):
    assert losses["leaking"] - losses["without"] > 0.03


def test_a_category_that_carries_the_mean_of_the_target_is_found_at_once():
    rows, held_out = table(3, effect=1.0), table(4, effect=1.0)
    found = log_loss(fitted(rows, **SLOW_EMBEDDING).model(), held_out)
    plain = log_loss(fitted(rows, **SLOW_EMBEDDING, category_statistics=False).model(), held_out)
    assert found < plain - 0.04


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("num_folds", [0, 3])
def test_no_target_reaches_where_it_must_not(task, num_folds):
    data = prepared(small(task), num_folds=num_folds, seed=3)
    fit, versions = Fit(data), versions_of(data)
    if not num_folds:
        assert set(versions[data.split.train[0]]) == {1, 2, 3, 4, 5}
        assert set(versions[data.split.held_out[0]]) == {0}
    targets, part = data.examples.targets.clone(), torch.from_numpy(versions == 1)
    targets[part] = targets[part].flip(0)
    assert not targets.equal(data.examples.targets)
    other = Fit(replace(data, examples=replace(data.examples, targets=targets)))
    for member in range(fit.network.num_members):
        before, after = statistics(fit)[member], statistics(other)[member]
        assert before[1].equal(after[1])  # what the changed rows are trained with
        if num_folds and member == 0:  # they are held out
            np.testing.assert_array_equal(data.split.held_out[0], np.flatnonzero(part))
            assert before.equal(after)
            assert before[1].equal(before[0])
        else:
            assert not before[0].equal(after[0])


def test_categories_of_many_values_may_have_statistics_alone():
    rows = small()
    street = pl.Series("street", [f"street {row % 30}" for row in range(len(rows))])
    rows = replace(rows, features=rows.frame.with_columns(street))
    fit = fitted(rows, embedding_limit=20)
    model = fit.model()
    assert fit.data.encoder.category_sizes == (13, 31)
    assert model.spec.slots["categories.weight"].shape == (13, 8)
    assert model.spec.slots["categories.statistics"].shape == (44, 1)
    with pytest.warns(DataWarning, match="left out"):
        assert prepared(small("many classes"), embedding_limit=20).settings.embedding_limit == 0


def test_groups_stay_together():
    groups = np.random.default_rng(0).integers(0, 12, 150)
    for num_folds in (0, 3):
        data = prepared(small(groups=groups), num_folds=num_folds)
        versions = versions_of(data)
        assert all(len(set(versions[data.rows.groups == group])) == 1 for group in range(12))
    with pytest.warns(DataWarning, match="left out: the training rows are one group"):
        one = prepared(small(groups=np.arange(150) // 140))
    assert not one.settings.category_statistics


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("num_folds", [0, 3])
def test_a_saved_model_answers_as_the_networks_that_were_trained(task, num_folds, tmp_path):
    rows = small(task, weights=np.random.default_rng(1).uniform(0.5, 2, 150))
    fit = fitted(rows, num_folds=num_folds)
    model = fit.model()
    plain = prepared(rows, num_folds=num_folds, category_statistics=False)
    held_out = plain.examples.inputs  # every row as one that is asked later
    assert model.spec.statistic_versions == 1
    assert model.network.logits(held_out).equal(fit.network.logits(held_out))
    save_model(model, tmp_path / "model.safetensors")
    expected = model.predict(rows.frame)
    for loaded in loaded_from(tmp_path / "model.safetensors"):
        answers = loaded.predict(rows.frame)
        if task == "regression":
            np.testing.assert_allclose(answers, expected, rtol=1e-6)
        else:
            np.testing.assert_array_equal(answers, expected)


def loaded_from(path):
    return load_model(path), load_predictor(path)


def test_a_small_table_is_calibrated_in_folds_of_its_own():
    for task in ("binary", "regression"):
        rows = small(task, num_rows=45)
        rows = replace(rows, features=rows.frame.with_columns(c=pl.Series(range(45)) % 9))
        schema = infer_schema(rows.frame, categorical=["c"])
        fit = Fit(prepare(rows, schema, changes=QUICK))
        for _ in fit.epochs():
            pass
        assert fit.model().spec.category_statistics


def test_networks_without_the_setting_have_no_statistics():
    fit = Fit(prepared(small(), category_statistics=False))
    assert fit.network.spec.to_json().keys().isdisjoint({"category_statistics"})
    assert fit.data.encoder.category_sizes
    assert set(versions_of(fit.data)) == {0}


def test_what_cannot_be_is_said():
    with pytest.warns(DataWarning, match="left out: there are 11 classes, more than 10"):
        assert not prepared(small("many classes")).settings.category_statistics
    with pytest.warns(DataWarning, match="left out: one_hot_limit .* 0"):
        prepared(small(), one_hot_limit=0)
    with pytest.raises(SettingsError, match="partial_fit is given some at a time"):
        rows = small()
        IncrementalFit.begin(rows, prepared(rows).targets, "default", QUICK)
    model = fitted(rows).model()
    with pytest.warns(DataWarning, match="goes on with the category_statistics of the rows"):
        IncrementalFit.resume(model, "default", {})


def test_a_warm_start_has_statistics_of_its_own_rows():
    rows = small()
    data = prepared(rows)
    model = fitted(rows).model()
    started = Fit(prepare(rows, data.schema, changes=QUICK, start=model))
    assert statistics(started).equal(statistics(Fit(data)))
    for slot in model.spec.parameter_slots:
        if slot.name != "categories.statistics":
            values = started.network.spec.slots[slot.name].view(started.network.parameters)
            assert values.equal(slot.view(model.network.parameters))
    for _ in started.epochs():
        pass
    assert started.model().spec == model.spec


def test_seeds_that_are_compared_have_statistics_of_their_own_rows():
    rows = small()
    data = prepared(rows)
    problem = TableProblem("a table", rows, data.schema, data.targets)
    kept, watched, _ = problem.split(data.settings, 0.2)
    network = problem.network([data.settings, replace(data.settings, seed=1)], [kept, watched])
    assert network.spec.category_statistics == 1
    tables = network.spec.slots["categories.statistics"].view(network.parameters)
    assert not tables[0].equal(tables[1])
