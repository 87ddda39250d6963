import numpy as np
import polars as pl
import pytest
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.errors import DataError, DataWarning, SettingsError, TableError
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows


def fitted(rows: Rows, changes, **arguments) -> Fit:
    schema = infer_schema(rows.frame)
    fit = Fit(prepare(rows, schema, recipe_name="chapter", changes=changes, **arguments))
    for _ in fit.epochs():
        pass
    return fit


def test_a_fit_learns_and_keeps_its_best_epoch(wine, settings):
    frame, kinds = wine
    fit = fitted(Rows(frame, kinds), settings())
    losses = [line["validation_loss"] for line in fit.history]
    best = fit.history[-1]["best_epochs"][0]
    assert losses[best - 1] == min(losses)
    model = fit.model()
    assert (model.predict(frame) == kinds).mean() > 0.9
    answers, truths = fit.held_out_answers(model)
    assert len(answers) == len(truths) == round(0.2 * len(frame))


def test_held_out_rows_are_not_learned_from(wine, settings):
    """What stands in them changes the choice of the epoch at most, not the weights of each."""
    frame, kinds = wine
    changes = settings(selection="last", batch_size=32)
    first = fitted(Rows(frame, kinds), changes)
    changed = frame.to_numpy().copy()
    changed[first.split.held_out[0]] = 1e6
    again = fitted(Rows(pl.DataFrame(changed, schema=frame.columns), kinds), changes)
    assert torch.equal(first.network.parameters, again.network.parameters)
    assert first.encoder.to_json() == again.encoder.to_json()


def test_each_fold_is_held_out_by_one_network(diabetes, settings):
    frame, numbers = diabetes
    fit = fitted(Rows(frame, numbers), settings(num_folds=5, validation_fraction=0.0))
    assert fit.network.num_members == 5
    assert sorted(np.concatenate(fit.split.held_out)) == list(range(len(frame)))
    model = fit.model()
    assert sorted(map(len, model.conformal.of_members)) == [88, 88, 88, 89, 89]
    answers, _ = fit.held_out_answers(model)
    assert len(answers) == len(frame)
    best = fit.history[-1]["best_epochs"]
    assert len(best) == 5


def test_validation_rows_of_ones_own_are_used_instead(diabetes, settings):
    frame, numbers = diabetes
    rows, others = Rows(frame[:300], numbers[:300]), Rows(frame[300:], numbers[300:])
    fit = fitted(rows, settings(num_folds=3), validation=others)
    assert fit.network.num_members == 3
    assert all(len(kept) == 300 for kept in fit.split.train)
    answers, _ = fit.held_out_answers(fit.model())
    assert len(answers) == len(others)


def test_groups_and_times_divide(diabetes, settings):
    frame, numbers = diabetes
    groups = np.arange(len(frame)) % 20
    fit = fitted(Rows(frame, numbers, groups=groups), settings(max_epochs=1))
    kept, held_out = fit.split.train[0], fit.split.held_out[0]
    assert not set(groups[kept]) & set(groups[held_out])
    times = np.arange(len(frame))[::-1]
    fit = fitted(Rows(frame, numbers, times=times), settings(max_epochs=1, num_folds=5))
    assert times[fit.split.held_out[0]].min() > times[fit.split.train[0]].max()
    assert fit.network.num_members == 5


def test_whole_weights_are_repetitions_and_order_does_not_matter(wine, settings):
    frame, kinds = wine[0][::3], wine[1][::3]
    counts = np.random.default_rng(0).integers(0, 3, len(frame))
    changes = settings(batch_size=512)
    weighted = fitted(Rows(frame, kinds, counts.astype(float)), changes)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(frame)), counts))
    repeated = fitted(Rows(frame[order], kinds[order]), changes)
    assert torch.equal(weighted.network.parameters, repeated.network.parameters)
    assert weighted.model().temperature == repeated.model().temperature


@pytest.mark.parametrize("num_rows", [60, 170])
def test_a_row_that_weighs_much_is_trained_on_or_held_out(wine, settings, num_rows):
    """So is each where the epoch is chosen by held-out rows: copies would choose it."""
    frame, kinds = wine[0][:num_rows], wine[1][:num_rows]
    weights = np.where(np.arange(num_rows) % (40 if num_rows == 60 else 4) == 0, 30.0, 1.0)
    weights = weights if num_rows == 60 else np.minimum(weights, 2)
    fit = fitted(Rows(frame, kinds, weights), settings(max_epochs=1, batch_size=512))
    assert len(fit.rows) == num_rows
    assert fit.model().conformal.num_rows == num_rows // 5


def test_rows_are_counted_one_by_one_where_many_are_equal(settings):
    """Two rows in all, 40 times and 20 times: each is held out as often as it is to come."""
    frame = pl.DataFrame({"x": np.repeat([0.0, 1.0], [40, 20])})
    kinds = np.where(np.arange(60) % 10 == 0, "rare", "often")
    fit = fitted(Rows(frame, kinds), settings(max_epochs=2, batch_size=256))
    assert len(fit.rows) == fit.num_rows == 60
    assert fit.rows.weights is None
    [held_out, *_] = fit.split.held_out
    assert len(held_out) == 12
    assert set(fit.rows.frame["x"].to_numpy()[held_out]) == {0.0, 1.0}
    assert fit.model().conformal.num_rows == 12
    model = fit.model()
    assert min(model.spread) * model.uniform_share > 0.5 / 13 - 1e-9


def test_weights_that_are_too_many_rows_for_a_batch_stay_weights(settings):
    frame = pl.DataFrame({"x": np.arange(40.0)})
    weights = np.repeat([100.0, 900.0], 20)
    fit = fitted(Rows(frame, np.tile([0, 1], 20), weights), settings(max_epochs=1))
    assert len(fit.rows) == 40
    assert fit.model().conformal.num_rows == 8
    halves = fitted(Rows(frame, np.tile([0, 1], 20), weights / 2000), settings(max_epochs=1))
    assert len(halves.rows) == 40


def test_class_weights_move_the_answers(settings):
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"x": generator.normal(0, 1, 400)})
    kinds = np.where(generator.random(400) < 0.2, "rare", "often")
    changes = settings(max_epochs=40)
    shares = [
        (fitted(Rows(frame, kinds), changes, class_weight=weight).model().predict(frame)
         == "rare").mean()
        for weight in (None, {"rare": 100.0}, "balanced")
    ]  # fmt: skip
    assert shares[0] < 0.05
    assert shares[1] > 0.95
    assert 0.1 < shares[2] < 0.9


def test_rows_lighter_than_the_rounding_error_of_the_heaviest_do_not_count(settings):
    frame = pl.DataFrame({"x": np.arange(60.0)})
    kinds = np.tile(["a", "b"], 30)
    fit = fitted(Rows(frame, kinds), settings(), class_weight={"a": 1e3, "b": 1e-4})
    assert len(fit.rows) == 30
    assert fit.targets.classes == ("a", "b")
    assert (fit.model().predict(frame) == "a").all()


def test_numbers_are_kept_to_their_range_where_the_settings_say_so(diabetes, settings):
    frame, numbers = diabetes
    extreme = pl.DataFrame(np.full((1, 10), 50.0), schema=frame.columns)
    changes = settings(clip_predictions=True)
    model = fitted(Rows(frame, numbers), changes).model()
    assert numbers.min() <= model.predict(extreme)[0] <= numbers.max()
    model = fitted(Rows(frame, numbers), settings(clip_predictions=False)).model()
    assert not numbers.min() <= model.predict(extreme)[0] <= numbers.max()


def test_a_handful_of_rows_is_learned_from_without_holding_any_out(settings):
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    fit = fitted(Rows(frame, np.array([1.0, 2.0, 3.0, 4.5])), settings(), task="regression")
    assert fit.split.held_out is None
    model = fit.model()
    assert model.conformal is None
    assert fit.held_out_answers(model) is None
    with pytest.raises(DataError, match="fitted without held-out rows"):
        model.intervals(frame)


def test_a_class_of_one_row_is_learned_from(wine, settings):
    frame, kinds = wine
    kinds = kinds.copy().astype(object)
    kinds[7] = "green"
    for changes in (settings(max_epochs=2), settings(max_epochs=2, num_folds=5)):
        fit = fitted(Rows(frame, kinds), changes)
        assert "green" in fit.targets.classes
        [[row]] = np.nonzero(fit.rows.targets == "green")
        assert all(row in kept for kept in fit.split.train)


def test_the_same_seed_fits_alike_and_members_differ(wine, settings):
    frame, kinds = wine
    changes = settings(max_epochs=2, num_folds=2)
    first, again, other = (
        fitted(Rows(frame, kinds), {**changes, "seed": seed}).network.parameters
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize(
    ("frame", "targets", "arguments", "error", "message"),
    [
        ([1.0], [1.0], {}, TableError, "there is 1 row to train on; at least 2 are needed"),
        ([1.0, 2.0], ["a", "a"], {}, TableError, "has the class 'a' alone; at least 2 classes"),
        ([1.0, 2.0], ["a", "b"], {"class_weight": {"c": 1}}, SettingsError, "names 'c'; the"),
        ([1.0, 2.0], ["a", "b"], {"class_weight": "even"}, SettingsError, "'balanced' or name"),
        ([1.0, 2.5], [1.0, 2.5], {"class_weight": "balanced"}, SettingsError, "is for classes"),
        ([1.0, 2.0], ["a", "b"], {"recipe_name": "b"}, SettingsError, "unknown recipe 'b'"),
        ([1.0, 2.5], [1.0, -2.5], {"changes": {"loss": "poisson"}}, TableError, "at least 0 for"),
        ([1.0, 2.0], ["a", "b"], {"changes": {"loss": "huber"}}, TableError, "is for numbers; th"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(frame, targets, arguments, error, message):
    frame = pl.DataFrame({"x": frame})
    rows = Rows(frame, np.array(targets))
    with pytest.raises(error, match=message):
        prepare(rows, infer_schema(frame), **{"recipe_name": "chapter", **arguments})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0], r"at least 0; that of row 2 is -1"),
        ([np.nan, 1.0], r"at least 0; that of row 1 is nan"),
        ([0.0, 0.0], "all sample weights are zero"),
        ([1.0], "2 rows were given 1 weights"),
        ([[1.0], [1.0]], "must have one dimension"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        Rows(pl.DataFrame({"x": [1.0, 2.0]}), np.array([0, 1]), np.array(weights))


def test_a_thousand_classes_and_ten_thousand_columns(settings):
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"x": np.repeat(np.arange(1000.0), 3)})
    kinds = np.repeat(np.arange(1000), 3)
    fit = fitted(Rows(frame, kinds), settings(max_epochs=1), task="multiclass")
    assert fit.model().probabilities(frame[:5]).shape == (5, 1000)
    wide = pl.DataFrame(generator.normal(0, 1, (40, 10_000)))
    fit = fitted(Rows(wide, np.tile([0, 1], 20)), settings(max_epochs=1))
    assert fit.model().predict(wide).shape == (40,)


@pytest.mark.parametrize(
    "changes", [{"num_members": 3}, {"num_folds": 3}], ids=["members", "folds"]
)
def test_a_network_that_diverged_is_no_part_of_the_model(wine, settings, changes):
    frame, kinds = wine
    fit = fitted(Rows(frame, kinds), settings(max_epochs=5, **changes))
    fit.network.parameters[1] = float("nan")
    with pytest.warns(DataWarning, match=r"^1 of 3 networks diverged at the learning rate 0\.01"):
        model = fit.model()
    assert model.network.num_members == 2
    assert np.isfinite(model.probabilities(frame)).all()
    answers, truths = fit.held_out_answers(model)
    assert len(answers) == len(truths)
    assert np.isfinite(answers).all()
