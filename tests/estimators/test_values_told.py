"""What the estimators are told of how values are written, and what they find themselves."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from multilayer import DataWarning, MLPClassifier, MLPRegressor
from multilayer.errors import SettingsError, TableError

NUM_ROWS = 60
X0 = np.random.default_rng(0).normal(size=NUM_ROWS).round(3)
Z = np.random.default_rng(1).normal(size=NUM_ROWS).round(3)
Y = 3 * X0 + Z
CLASSES = np.where(X0 > 0, "up", "down")


def regressor(**arguments: Any) -> MLPRegressor:
    return MLPRegressor("fast", max_iter=2, random_state=0, validation_fraction=0, **arguments)


def test_decimal_commas_and_what_is_missing_are_taken_at_fit_and_at_predict() -> None:
    told = {"decimal": ",", "missing": ("unknown", -999)}
    codes = np.where(np.arange(NUM_ROWS) % 9 == 0, -999.0, Z)
    groups = np.where(np.arange(NUM_ROWS) % 7 == 0, "unknown", CLASSES)
    written = pd.DataFrame(
        {"x": [f"{x:.3f}".replace(".", ",") for x in X0], "z": codes, "g": groups}
    )
    plain = pd.DataFrame(
        {"x": X0, "z": np.where(codes == -999, np.nan, codes), "g": groups}
    ).replace({"unknown": None})
    answers = regressor(**told).fit(written, Y).predict(written)
    np.testing.assert_array_equal(answers, regressor().fit(plain, Y).predict(plain))
    model = clone(regressor(**told)).fit(written, Y)
    # Without compiled code a product of few rows may round otherwise than that of many.
    np.testing.assert_allclose(model.predict(written[:5]), answers[:5], rtol=1e-13)
    bits = clone(model).partial_fit(written[:40], Y[:40]).partial_fit(written[40:], Y[40:])
    assert [column.kind for column in bits.model_.schema.columns][:2] == ["numeric", "numeric"]


def test_kinds_are_told_by_name_or_number() -> None:
    table = pd.DataFrame({"zip": np.arange(NUM_ROWS) % 5, "day": ["01/02/2020", "03/04/2020"] * 30})
    told = {"zip": "categorical", 1: "date:%d/%m/%Y"}
    model = MLPClassifier("fast", max_iter=1, as_kind=told).fit(table, CLASSES)
    assert [column.kind for column in model.model_.schema.columns] == ["categorical", "date"]


def test_na_is_a_value_where_it_is_kept() -> None:
    table = pd.DataFrame({"g": np.where(X0 > 0, "NA", "EU")})
    model = MLPClassifier("fast", max_iter=1, keep_na=True).fit(table, CLASSES)
    assert len(np.unique(model.predict_proba(table)[:, 0])) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"decimal": ";"}, "decimal"),
        ({"missing": {"a": 1}}, "missing"),
        ({"missing": [float("nan")]}, "missing"),
        ({"as_kind": ["x0"]}, "as_kind"),
        ({"as_kind": {7: "numeric"}}, "as_kind names column 7"),
        ({"keep_na": "yes"}, "keep_na"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        regressor(**arguments).fit(np.c_[X0, Z], Y)


def test_targets_written_as_amounts_are_numbers() -> None:
    amounts = [f"-${-y:,.2f}" if y < 0 else f"${y:,.2f}" for y in 1e4 * Y]
    numbers = [round(y, 2) for y in 1e4 * Y]
    table = np.c_[X0, Z]
    model, plain = regressor().fit(table, amounts), regressor().fit(table, numbers)
    np.testing.assert_array_equal(model.predict(table), plain.predict(table))
    assert model.score(table, amounts) == plain.score(table, numbers)
    with pytest.raises(TableError, match="row 8 of y must be a number, it is 'unknown'"):
        regressor().fit(table, [*amounts[:7], "unknown", *amounts[8:]])


def test_a_label_that_is_said_to_be_missing_is_no_class() -> None:
    labels = np.where(np.arange(NUM_ROWS) == 5, "Unknown ", CLASSES)
    with pytest.raises(TableError, match="first in row 6"):
        MLPClassifier("fast", missing="unknown").fit(np.c_[X0, Z], labels)


@pytest.mark.parametrize("of", [list, lambda X: {"x0": X[:, 0], "x1": X[:, 1]}, lambda X: X])
def test_what_is_masked_is_missing(of: Any) -> None:
    mask = np.c_[np.arange(NUM_ROWS) % 9 == 0, np.zeros(NUM_ROWS, bool)]
    masked = np.ma.array(np.c_[X0, Z], mask=mask)
    plain = np.where(mask, np.nan, np.c_[X0, Z])
    model = regressor().fit(plain, Y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        np.testing.assert_array_equal(model.predict(of(masked)), model.predict(plain))


def test_a_masked_weight_is_refused() -> None:
    weights = np.ma.array(np.ones(NUM_ROWS), mask=np.arange(NUM_ROWS) == 3)
    with pytest.raises(TableError, match="row 4"):
        regressor().fit(np.c_[X0, Z], Y, sample_weight=weights)


def test_moments_as_targets_are_refused() -> None:
    with pytest.raises(TableError, match="dates or times"):
        regressor().fit(np.c_[X0, Z], pd.Series(pd.date_range("2020", periods=NUM_ROWS)))


def test_an_open_comma_of_targets_is_said() -> None:
    amounts = [f"{abs(x):.3f}".replace("0.", "1.").replace(".", ",") for x in X0]
    with pytest.warns(DataWarning, match="y is treated as numeric: the comma"):
        regressor().fit(np.c_[X0, Z], amounts)


@pytest.mark.parametrize(
    ("trained", "asked", "words"),
    [
        ("${}", "{} €", "holds amounts in €.*training rows are in \\$"),
        ("{} USD", "${}", None),
        ("${}", "{}", None),
        ("{}%", "{}", "has no % in"),
        ("{}", "{}%", "comes with %, which"),
        ("{} MB", "{} kg", "comes with kg"),
    ],
)
def test_scored_targets_are_held_to_the_signs_of_training(trained, asked, words) -> None:
    rows = np.arange(60.0).reshape(-1, 1)
    estimator = MLPRegressor("fast", max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        estimator.fit(rows, [trained.format(row) for row in range(60)])
    scored = [asked.format(row) for row in range(60)]
    if words is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            estimator.score(rows, scored)
    elif "amounts" in words:
        with pytest.raises(TableError, match=words):
            estimator.score(rows, scored)
    else:
        with pytest.warns(DataWarning, match=words):
            estimator.score(rows, scored)


@pytest.mark.parametrize("label", ["up ", " up", "e\u0301", "up\n"])
def test_labels_come_back_as_they_are_written(label: str) -> None:
    """To the last space and accent, or they would not be equal to those of the caller."""
    labels = np.where(X0 > 0, label, "down")
    model = MLPClassifier("fast", max_iter=20, random_state=0).fit(X0[:, None], labels)
    assert set(model.classes_) == {label, "down"}
    assert (model.predict(X0[:, None]) == labels).mean() > 0.9
