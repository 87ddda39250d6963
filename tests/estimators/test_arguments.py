"""Arguments of the estimators: taken as they are meant, refused, or said to be unused."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilayer import MLPClassifier, MLPRegressor
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.estimators.arguments import changed_settings

QUICK = {"recipe": "fast", "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"hidden_layer_sizes": 64}, {"hidden_widths": (64,)}),
        ({"hidden_layer_sizes": [64.0, np.int64(3)]}, {"hidden_widths": (64, 3)}),
        ({"batch_size": "auto"}, {}),
        ({"batch_size": 64.0, "max_iter": np.float64(3)}, {"batch_size": 64, "max_epochs": 3}),
        ({"learning_rate_init": np.float32(0.5)}, {"learning_rate": 0.5}),
        ({"activation": "logistic"}, {"activation": "sigmoid"}),
        ({"activation": ["logistic", "relu"]}, {"activation": "sigmoid,relu"}),
        ({"settings": {"hidden_widths": (3,)}}, {"hidden_widths": (3,)}),
        ({"early_stopping": True, "n_iter_no_change": 7.0}, {"patience": 7}),
        (
            {"recipe": "chapter", "early_stopping": True},
            {"patience": 40, "selection": "loss", "validation_fraction": 0.2},
        ),
    ],
)
def test_arguments_as_scikit_learns_users_write_them(arguments, expected):
    changes = changed_settings(MLPClassifier(**arguments, random_state=3))
    assert changes == {**expected, "seed": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_layer_sizes": "128"}, "hidden_layer_sizes must be whole .* it is '128'"),
        ({"hidden_layer_sizes": (5.7,)}, "hidden_layer_sizes must be whole .* 5.7 in '5.7' is not"),
        ({"hidden_layer_sizes": 5.7}, "hidden_layer_sizes must be whole .* it is 5.7"),
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes must be whole .* 0 in '0' is not"),
        ({"hidden_layer_sizes": (8, -1)}, "-1 in '8,-1' is not"),
        ({"hidden_layer_sizes": True}, "hidden_layer_sizes must be .* True in 'True' is not"),
        ({"hidden_layer_sizes": ("8", "4")}, "hidden_layer_sizes must be .* '8' in '8,4' is not"),
        ({"hidden_layer_sizes": {}.get}, "hidden_layer_sizes must be whole numbers"),
        ({"max_iter": 0}, "max_iter must be a whole number of at least 1; it is 0"),
        ({"max_iter": 2.5}, "max_iter must be .* it is 2.5"),
        ({"batch_size": "64"}, "batch_size must be .* it is '64'"),
        ({"learning_rate_init": "fast"}, "learning_rate_init must be a number above 0"),
        ({"learning_rate_init": float("nan")}, "learning_rate_init must be a number above 0"),
        ({"settings": {"seed": 5}}, "given as random_state"),
        ({"settings": {"max_iter": 5}}, "'max_iter', which is an argument of its own"),
        ({"settings": "schedule=cosine"}, "settings must be settings by name"),
        ({"settings": {"hidden_widths": (3,)}, "hidden_layer_sizes": 3}, "is given twice"),
        ({"settings": {"patience": 3}, "early_stopping": True}, "settings holds a patience"),
        ({"settings": {"selection": "last"}, "early_stopping": True}, "the selection 'last'"),
        ({"early_stopping": "False"}, "early_stopping must be True or False; it is 'False'"),
        ({"early_stopping": True, "n_iter_no_change": 0}, "n_iter_no_change must be a whole"),
        ({"on_unseen": "raise"}, "on_unseen must be one of"),
        ({"on_unseen": "ingore"}, "did you mean 'ignore'"),
        ({"verbose": "no"}, "verbose must be True or False; it is 'no'"),
        ({"random_state": -1, "max_iter": 1}, "random_state must be a whole number of at least 0"),
        ({"random_state": "0"}, "random_state must be a whole .* it is '0'"),
        ({"random_state": True}, "random_state must be a whole .* it is True"),
        ({"class_weight": "balancd"}, "did you mean 'balanced'"),
        ({"settings": {"shedule": "cosine"}}, "did you mean 'schedule'"),
    ],
)
def test_wrong_arguments_are_refused_by_their_own_name(arguments, message):
    with pytest.raises(SettingsError, match=message):
        MLPClassifier(**{**QUICK, "hidden_layer_sizes": None, "max_iter": 1, **arguments}).fit(X, Y)


@pytest.mark.parametrize(
    ("arguments", "fit", "message"),
    [
        ({"n_iter_no_change": 5}, {}, "n_iter_no_change=5 is not used without early_stopping"),
        ({"early_stopping": True}, {}, "cannot end a fit of 2 epochs: it waits for .*=40"),
        ({"validation_fraction": 0.3}, {"X_val": X[:9], "y_val": Y[:9]}, "as X_val is given"),
        ({"validation_fraction": 0.3, "num_folds": 2}, {}, "as each fold is held out once"),
        (
            {"early_stopping": True, "n_iter_no_change": 1, "validation_fraction": 0.0}, {},
            "none of the 60 rows are held out to stop by",
        ),
        ({"class_weight": {0: 1, 1: 2, 7: 5}}, {}, "class_weight names 7, which no row has"),
        ({}, {"X_val": X, "y_val": Y}, "X_val holds the rows of X"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_warned_of(arguments, fit, message):
    with pytest.warns(DataWarning, match=message):
        MLPClassifier(**{**QUICK, **arguments}).fit(X, Y, **fit)


def test_class_weights_must_be_numbers_and_name_some_class():
    for wrong, message in (
        ({"a": 2}, "names 'a'; the classes are 0, 1"),
        ({0: -1}, "that of 0 is -1"),
        ({0: "2"}, "that of 0 is '2'"),
    ):
        with pytest.raises(SettingsError, match=message):
            MLPClassifier(**QUICK, class_weight=wrong).fit(X, Y)


def test_the_chapters_recipe_stops_early_if_asked_to():
    classifier = MLPClassifier(
        "chapter", early_stopping=True, n_iter_no_change=2, max_iter=200, learning_rate_init=0.5,
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    assert classifier.n_iter_ < 200
    assert classifier.model_.conformal.num_rows == 12


@pytest.mark.parametrize("library", [pd, pl], ids=lambda library: library.__name__)
def test_a_frame_is_taken_by_place_after_a_fit_to_an_array(library):
    frame = library.DataFrame({name: X[:, place] for place, name in enumerate("cab")})
    classifier = MLPClassifier(**QUICK).fit(X, Y)
    with pytest.warns(UserWarning, match="X has feature names, but MLPClassifier was fitted"):
        answers = classifier.predict_proba(frame)
    np.testing.assert_array_equal(answers, classifier.predict_proba(X))
    with pytest.warns(UserWarning, match="X has feature names"):
        again = MLPClassifier(**QUICK).fit(X, Y, X_val=frame[:50], y_val=Y[:50])
    assert again.model_.conformal.num_rows == 50
    with pytest.raises(TableError, match="X has 2 features, but MLPClassifier is expecting 3"):
        classifier.predict(frame[["a", "b"]])


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b", None],
        pd.Series(["a", "b", None], dtype=object),
        pd.Series(["a", "b", None], dtype="string"),
        pl.Series(["a", "b", None]),
        np.ma.array([0, 1, 1], mask=[False, False, True]),
        [True, False, None],
    ],
    ids=lambda labels: f"{type(labels).__name__} {getattr(labels, 'dtype', '')}",
)
def test_missing_labels_are_a_value_error(labels):
    with pytest.raises(TableError, match="missing labels: 1 of 3, the first in row 3"):
        MLPClassifier(**QUICK).fit(X[:3], labels)


def test_masked_features_are_missing():
    masked = np.ma.array(X, mask=X > 1)
    gaps = np.where(X > 1, np.nan, X)
    expected = MLPClassifier(**QUICK).fit(gaps, Y).predict_proba(gaps)
    np.testing.assert_array_equal(
        MLPClassifier(**QUICK).fit(masked, Y).predict_proba(masked), expected
    )


def test_a_target_of_one_number_is_refused_and_one_of_several_warned_of():
    with pytest.raises(TableError, match=r"target 'target' is 3.5 in every row; at least 2 diff"):
        MLPRegressor(**QUICK).fit(X, np.full(60, 3.5))
    with pytest.warns(DataWarning, match="target 'target 2' is 0 in every row"):
        MLPRegressor(**QUICK).fit(X, np.stack([X[:, 0], np.zeros(60)], axis=1))


def test_columns_that_are_left_out_are_named():
    frame = pd.DataFrame({"key": GENERATOR.permutation(10_000)[:60], "size": X[:, 0]})
    with pytest.warns(DataWarning, match="column 'key' looks like an identifier"):
        MLPClassifier(**QUICK).fit(frame, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(**QUICK).fit(frame[["size"]], Y)


def test_one_name_is_one_categorical_column():
    frame = pd.DataFrame({"code": np.arange(60) % 5, "c": X[:, 0]})
    classifier = MLPClassifier(**QUICK, categorical_features="code").fit(frame, Y)
    assert [column.name for column in classifier.model_.encoder.categories] == ["code"]


@pytest.mark.parametrize("name", ["early_stopping", "validation_fraction", "num_folds"])
def test_arguments_that_partial_fit_does_not_use_are_warned_of(name):
    value = {"early_stopping": True, "validation_fraction": 0.3, "num_folds": 3}[name]
    with pytest.warns(DataWarning, match=f"{name}={value} is not used by partial_fit"):
        MLPClassifier(**{**QUICK, name: value}).partial_fit(X, Y, classes=[0, 1])


@pytest.mark.parametrize("coverage", [0, 1, 90, "0.9", True, float("nan")])
def test_a_coverage_is_a_number_between_0_and_1(coverage):
    regressor = MLPRegressor(**QUICK).fit(X, X[:, 0])
    with pytest.raises(SettingsError, match="coverage must be a number between 0 and 1"):
        regressor.predict_interval(X, coverage)


@pytest.mark.parametrize(
    ("estimator", "labels", "message"),
    [
        (MLPClassifier, ["a", 1] * 30, "labels of several types, int and str"),
        (MLPClassifier, [b"a", b"b"] * 30, "of type bytes; classes are text, numbers or booleans"),
        (MLPRegressor, ["low", "high"] * 30, "value 1 is the text 'low'; .*MLPClassifier"),
    ],
)
def test_targets_of_the_wrong_type_are_named(estimator, labels, message):
    with pytest.raises(TableError, match=message):
        estimator(**QUICK).fit(X, np.array(labels, object))


def test_infinite_numbers_are_missing_and_said():
    rows = X.copy()
    rows[3, 1] = np.inf
    with pytest.warns(DataWarning, match="column 'x1' is infinite in 1 of 60 rows"):
        classifier = MLPClassifier(**QUICK).fit(rows, Y)
    assert np.isfinite(classifier.predict_proba(rows)).all()


def test_a_model_is_shown_in_a_line():
    labels = [f"a class with a long name, number {row % 20}" for row in range(60)]
    model = MLPClassifier(**QUICK).fit(X, labels).model_
    assert str(model) == repr(model) == "<Model: 'target' (20 classes) from 3 columns>"


def test_an_array_of_images_is_refused_with_the_way_to_reshape_it():
    images = np.zeros((20, 8, 8), np.uint8)
    with pytest.raises(ValueError, match=r"dim 3, \(20, 8, 8\).*X\.reshape\(len\(X\), -1\)"):
        MLPClassifier().fit(images, np.arange(20) % 2)


def test_partial_fit_says_which_labels_count_as_a_class_written_otherwise():
    inputs, labels = np.random.default_rng(0).normal(size=(20, 2)), np.array(["no", "yes"] * 10)
    classifier = MLPClassifier().partial_fit(inputs, labels, classes=["no", "yes"])
    labels = labels.astype(object)
    labels[1] = "Yes"
    with pytest.warns(DataWarning, match="label 'Yes' .* is treated as class 'yes'"):
        classifier.partial_fit(inputs, labels)


def test_parts_of_a_model_show_themselves_in_a_line_each():
    inputs = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPClassifier(max_iter=1, recipe="chapter").fit(inputs, np.arange(40) % 2).model_
    parts = model.schema, model.encoder, model.targets, model.network
    assert [repr(part) for part in parts] == [
        "<Schema: 2 columns, 2 of them inputs>",
        "<Encoder: 2 columns to 2 inputs>",
        "<Targets: binary of target, 2 classes>",
        "<Network: 1 of 1,282 parameters>",
    ]
