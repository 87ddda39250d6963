"""Each loss of numbers does on real rows what it is for."""

import numpy as np
import polars as pl
import pytest
from sklearn import datasets, metrics
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPRegressor, load_model
from multilayer.columns.kinds import infer_schema
from multilayer.errors import SettingsError, TableError
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows

QUICK = {
    "hidden_layer_sizes": (64, 64), "max_iter": 64, "random_state": 0,
    "settings": {"num_threads": 1},
}  # fmt: skip
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def halves():
    """How many pixels of a digit's lower half are dark, from its upper half."""
    digits = datasets.load_digits()
    upper = digits.images[:, :4].reshape(len(digits.images), -1)
    num_dark = (digits.images[:, 4:] > 8).sum(axis=(1, 2))
    return train_test_split(upper, num_dark, test_size=0.4, random_state=0)


@pytest.fixture(scope="module")
def squared(halves):
    X, _, y, _ = halves
    return MLPRegressor(**QUICK).fit(X, y)


def test_poisson_predicts_rates_as_well_as_a_linear_poisson_regression(halves):
    X, new_X, y, new_y = halves
    regressor = MLPRegressor(**QUICK, loss="poisson").fit(X, y)
    rates = regressor.predict(new_X)
    assert (rates > 0).all()
    deviance = metrics.mean_poisson_deviance(new_y, rates)
    linear = make_pipeline(StandardScaler(), PoissonRegressor()).fit(X, y)
    assert deviance < metrics.mean_poisson_deviance(new_y, linear.predict(new_X))
    assert deviance < 0.6 * metrics.mean_poisson_deviance(new_y, np.full(len(new_y), y.mean()))
    regressor = MLPRegressor(**QUICK, loss="poisson", num_folds=4).fit(X, y)
    low, high = regressor.predict_interval(new_X).T
    assert 0.86 < ((low <= new_y) & (new_y <= high)).mean() < 0.94
    assert (low >= 0).all()
    assert np.corrcoef(high - low, rates)[0, 1] > 0.8


def test_poisson_does_not_depend_on_the_unit(halves):
    X, new_X, y, _ = halves
    regressor = MLPRegressor(**{**QUICK, "max_iter": 5}, loss="poisson")
    rates = regressor.fit(X, y).predict(new_X)
    scaled = regressor.fit(X, 1024 * y).predict(new_X)
    np.testing.assert_allclose(scaled, 1024 * rates, rtol=1e-4)


def test_negative_counts_are_refused():
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    y[7] = -1
    with pytest.raises(
        TableError, match="row 8 of target 'target' must be at least 0 .*, it is -1"
    ):
        MLPRegressor(**QUICK, loss="poisson").fit(X, y)
    with pytest.raises(TableError, match="row 2 of target .* must be at least 0"):
        MLPRegressor(**QUICK, loss="poisson").fit(X, abs(y), X_val=X[6:8], y_val=y[6:8])
    with pytest.raises(TableError, match="row 8 of target 'target' must be at least 0"):
        MLPRegressor(**QUICK, loss="poisson").partial_fit(X, y)


def test_the_median_and_quantiles_are_good_by_their_own_measures(halves, squared):
    X, new_X, y, new_y = halves
    mean = squared.predict(new_X)
    for loss in ("absolute_error", "huber"):
        median = MLPRegressor(**QUICK, loss=loss).fit(X, y).predict(new_X)
        error = metrics.mean_absolute_error(new_y, median)
        of_constant = metrics.mean_absolute_error(new_y, np.full(len(new_y), np.median(y)))
        assert error < 0.8 * of_constant
        assert error < 1.05 * metrics.mean_absolute_error(new_y, mean)
    for level in (0.1, 0.9):
        quantile = MLPRegressor(**QUICK, loss="quantile", quantiles=level).fit(X, y).predict(new_X)
        loss, of_constant, of_mean = (
            metrics.mean_pinball_loss(new_y, answers, alpha=level)
            for answers in (quantile, np.full(len(new_y), np.quantile(y, level)), mean)
        )
        assert loss < 0.9 * of_constant
        assert loss < 0.8 * of_mean
        assert (new_y < quantile).mean() == pytest.approx(level, abs=0.07)


def test_several_quantiles_do_not_cross_and_hold_their_shares(halves, tmp_path):
    X, new_X, y, new_y = halves
    regressor = MLPRegressor(**QUICK, loss="quantile", quantiles=LEVELS).fit(X, y)
    quantiles = regressor.predict_quantiles(new_X)
    assert quantiles.shape == (len(new_X), 3)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(regressor.predict(new_X), quantiles[:, 1])
    for quantile, level in zip(quantiles.T, LEVELS, strict=True):
        assert (new_y < quantile).mean() == pytest.approx(level, abs=0.08)
    for coverage in (0.5, 0.9):
        low, high = regressor.predict_interval(new_X, coverage).T
        assert ((low <= new_y) & (new_y <= high)).mean() == pytest.approx(coverage, abs=0.09)
        assert (low <= high).all()
    regressor.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    names = regressor.model_.encoder.column_names
    frame = pl.DataFrame(new_X, schema=[f"x{place}" for place in range(new_X.shape[1])])
    assert set(names) <= set(frame.columns)
    np.testing.assert_array_equal(loaded.quantiles(frame)[:, 0], quantiles)


def test_several_targets_have_quantiles_each(diabetes):
    frame, numbers = diabetes
    y = np.stack([numbers, 1 - 2 * numbers], axis=1)
    regressor = MLPRegressor(**QUICK, loss="quantile", quantiles=(0.2, 0.7), num_folds=3)
    regressor.fit(frame, y)
    quantiles = regressor.predict_quantiles(frame)
    assert quantiles.shape == (len(frame), 2, 2)
    assert regressor.predict(frame).shape == y.shape
    shares = (y[:, :, None] < quantiles).mean(axis=0)
    np.testing.assert_allclose(shares, [[0.2, 0.7]] * 2, atol=0.1)
    assert regressor.predict_interval(frame).shape == (*y.shape, 2)


def test_far_rows_do_not_move_robust_losses(diabetes):
    """Every twentieth target is a hundred times too large: the mean follows, the others do not."""
    frame, numbers = diabetes
    learned, spoilt = frame[:340], numbers[:340].copy()
    spoilt[::20] *= 100
    errors = {
        loss: metrics.median_absolute_error(
            numbers[340:],
            MLPRegressor(**QUICK, loss=loss).fit(learned, spoilt).predict(frame[340:]),
        )
        for loss in ("squared_error", "absolute_error", "huber", "quantile")
    }
    of_constant = metrics.median_absolute_error(
        numbers[340:], np.full(len(numbers) - 340, np.median(numbers[:340]))
    )
    assert errors["squared_error"] > 2 * of_constant
    assert max(errors["absolute_error"], errors["huber"], errors["quantile"]) < of_constant


def test_partial_fit_takes_the_losses_too(halves):
    X, new_X, y, new_y = halves
    for loss, quantiles in (("poisson", None), ("quantile", LEVELS), ("quantile", None)):
        regressor = MLPRegressor(**QUICK, loss=loss, quantiles=quantiles, learning_rate_init=0.01)
        for _ in range(20):
            regressor.partial_fit(X, y)
        assert metrics.r2_score(new_y, regressor.predict(new_X)) > 0.2
    fitted = MLPRegressor(**QUICK, loss="quantile", quantiles=LEVELS).fit(X, y)
    assert fitted.partial_fit(X, y).predict_quantiles(new_X).shape == (len(new_X), 3)


def test_a_loss_of_numbers_makes_numbers_of_whole_ones():
    frame, counts = pl.DataFrame({"x": np.arange(100.0)}), np.arange(100) % 5
    for loss, task in (("poisson", "regression"), ("cross_entropy", "multiclass")):
        fit = Fit(prepare(Rows(frame, counts), infer_schema(frame), changes={"loss": loss}))
        assert fit.targets.task == task


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"loss": "cross_entropy"},
            "the loss of regression is squared_error or .* 'cross_entropy'",
        ),
        ({"loss": "squares"}, "unknown loss 'squares'; known are"),
        ({"quantiles": 0.9}, "quantiles belong to the loss 'quantile'; .* 'squared_error'"),
        ({"loss": "quantile", "quantiles": 90}, "between 0 and 1; it is 90"),
        ({"loss": "quantile", "quantiles": (0.9, 0.1)}, r"rising; they are \(0.9, 0.1\)"),
    ],
)
def test_losses_that_make_no_sense_are_refused(arguments, message):
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    with pytest.raises(SettingsError, match=message):
        MLPRegressor(**QUICK, **arguments).fit(X, y)


def test_quantiles_are_asked_of_models_that_have_them(squared, halves):
    _, new_X, _, _ = halves
    with pytest.raises(SettingsError, match="fitted with the loss 'quantile'"):
        squared.predict_quantiles(new_X)


def test_a_warm_start_needs_the_same_loss(halves):
    X, _, y, _ = halves
    regressor = MLPRegressor(**{**QUICK, "max_iter": 1}, warm_start=True).fit(X, y)
    with pytest.raises(SettingsError, match="the same loss"):
        regressor.set_params(loss="poisson").fit(X, y)
