"""The estimators as scikit-learn and its users know estimators."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn import set_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import multilayer
from multilayer import MLPClassifier, MLPRegressor
from multilayer.errors import DataError, DataWarning, SettingsError, TableError

# Its checks fit classes of a single row, which are warned of.
pytestmark = pytest.mark.filterwarnings("ignore:.* of a single row:multilayer.errors.DataWarning")

QUICK = {"recipe": "fast", "hidden_layer_sizes": (32,), "max_iter": 30, "random_state": 0}


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
@parametrize_with_checks(
    [
        MLPClassifier(hidden_layer_sizes=(32, 32), max_iter=40),
        MLPRegressor(hidden_layer_sizes=(32, 32), max_iter=40),
    ],
    expected_failed_checks=None,
)
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
@parametrize_with_checks(
    [
        MLPClassifier(), MLPRegressor(), MLPClassifier("fast"), MLPRegressor("fast"),
        MLPClassifier("best", max_iter=32), MLPRegressor("best", max_iter=32),
    ],
    expected_failed_checks=None,
)  # fmt: skip
def test_the_recipes_as_they_are_pass_too(estimator, check):
    """But for the epochs of the folds, which would take as long as all the others together."""
    check(estimator)


def test_frames_of_all_libraries_are_one(mixed):
    frame, prices = mixed
    regressor = MLPRegressor(**QUICK).fit(frame, prices)
    expected = regressor.predict(frame)
    assert np.corrcoef(expected, prices)[0, 1] > 0.8
    assert regressor.feature_names_in_.tolist() == ["size", "town", "garden", "sold"]
    assert regressor.n_features_in_ == 4
    for other in (frame.to_pandas(), frame.to_arrow(), frame.select(frame.columns[::-1])):
        np.testing.assert_array_equal(regressor.predict(other), expected)
    again = MLPRegressor(**QUICK).fit(frame.to_pandas(), pd.Series(prices))
    np.testing.assert_array_equal(again.predict(frame), expected)
    assert isinstance(frame.to_arrow(), pa.Table)
    with pytest.raises(TableError, match="column 'town' is not in the table"):
        regressor.predict(frame.drop("town"))
    with pytest.raises(TableError, match="row 2 of column 'size'"):
        regressor.predict(frame[:2].with_columns(pl.Series("size", ["1.5", "large"])))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["red", "white", "pink"]),
        np.array([3, 1, 7]),
        np.array([3.0, 1.0, 7.0]),
        np.array(["r", "w", "p"], dtype=object),
        np.array([True, False, False]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_classes_of_any_type_come_back(wine, labels):
    frame, kinds = wine
    y = labels[np.unique(kinds, return_inverse=True)[1]]
    classifier = MLPClassifier(**QUICK).fit(frame.to_numpy(), y)
    answers = classifier.predict(frame.to_numpy())
    assert (answers == y).mean() > 0.9
    assert answers.dtype.kind == y.dtype.kind
    assert classifier.classes_.tolist() == sorted(set(y.tolist()))
    probabilities = classifier.predict_proba(frame.to_numpy())
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(1)], answers)
    np.testing.assert_allclose(
        classifier.predict_log_proba(frame.to_numpy()), np.log(probabilities)
    )


def test_several_labels(wine):
    frame, kinds = wine
    y = np.stack([kinds == "red", kinds != "white"], axis=1).astype(int)
    classifier = MLPClassifier(**QUICK).fit(frame, y)
    assert classifier.predict(frame).shape == y.shape
    assert classifier.score(frame, y) > 0.9
    assert classifier.predict_proba(frame).shape == y.shape
    sparse_y = MLPClassifier(**QUICK).fit(frame, sparse.csr_array(y))
    np.testing.assert_array_equal(sparse_y.predict(frame), classifier.predict(frame))
    with pytest.raises(ValueError, match="multiclass-multioutput|must hold 0 and 1"):
        MLPClassifier(**QUICK).fit(frame, y + np.array([0, 1]) * 2)


def test_several_numbers(diabetes):
    frame, numbers = diabetes
    y = np.stack([numbers, -2 * numbers + 1], axis=1)
    regressor = MLPRegressor(**QUICK).fit(frame, y)
    assert regressor.predict(frame).shape == y.shape
    assert regressor.score(frame, y) > 0.4
    assert regressor.predict_interval(frame).shape == (*y.shape, 2)


def test_a_column_of_targets_is_taken_as_one_with_scikit_learns_warning(diabetes):
    frame, numbers = diabetes
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        regressor = MLPRegressor(**QUICK).fit(frame, numbers[:, None])
    assert regressor.predict(frame).shape == numbers.shape


def test_sparse_input_is_dense_input(wine):
    frame, kinds = wine
    X = np.where(frame.to_numpy() > 2, frame.to_numpy(), 0)
    dense = MLPClassifier(**QUICK).fit(X, kinds).predict_proba(X)
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array):
        classifier = MLPClassifier(**QUICK).fit(kind(X), kinds)
        np.testing.assert_array_equal(classifier.predict_proba(kind(X)), dense)


def test_rows_of_ones_own_to_be_measured_on(diabetes):
    frame, numbers = diabetes
    regressor = MLPRegressor(**QUICK)
    regressor.fit(frame[:300], numbers[:300], X_val=frame[300:], y_val=numbers[300:])
    assert regressor.model_.conformal.num_rows == len(frame) - 300
    with pytest.raises(SettingsError, match="X_val and y_val belong together"):
        regressor.fit(frame, numbers, X_val=frame)
    with pytest.raises(TableError, match="column 'age' is not in the table"):
        regressor.fit(frame, numbers, X_val=frame.rename({"age": "years"}), y_val=numbers)
    with pytest.raises(ValueError, match="9 features, but MLPRegressor is expecting 10"):
        regressor.fit(frame.to_numpy(), numbers, X_val=frame.to_numpy()[:, 1:], y_val=numbers)


def test_groups_are_not_divided(diabetes):
    frame, numbers = diabetes
    groups = np.arange(len(frame)) // 10
    MLPRegressor(**QUICK).fit(frame, numbers, groups=groups)
    with pytest.raises(TableError, match="442 rows were given 3 groups"):
        MLPRegressor(**QUICK).fit(frame, numbers, groups=groups[:3])


def test_a_warm_start_goes_on(diabetes):
    frame, numbers = diabetes
    settings = {**QUICK, "max_iter": 5, "validation_fraction": 0.0}
    cold = MLPRegressor(**settings).fit(frame, numbers)
    warm = clone(cold).set_params(warm_start=True).fit(frame, numbers)
    np.testing.assert_array_equal(warm.predict(frame), cold.predict(frame))
    warm.fit(frame, numbers)
    assert warm.history_[0]["train_loss"] < cold.history_[0]["train_loss"]
    with pytest.raises(SettingsError, match="networks of the same shape"):
        warm.set_params(hidden_layer_sizes=(7,)).fit(frame, numbers)


@pytest.mark.parametrize("recipe", ["fast", "default", "chapter"])
def test_a_warm_start_of_one_epoch_each_learns(wine, recipe):
    """In a table that fits one batch, where an epoch is a step."""
    frame, kinds = wine
    settings = {**QUICK, "recipe": recipe, "max_iter": 1}
    if recipe == "chapter":
        settings["learning_rate_init"] = 0.5
    classifier = MLPClassifier(**settings, warm_start=True).fit(frame, kinds)
    first = classifier.history_[-1]["train_loss"]
    for _ in range(20):
        classifier.fit(frame, kinds)
    assert classifier.history_[-1]["train_loss"] < first / 2
    assert classifier.score(frame, kinds) > 0.9


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_few_epochs_learn_something(wine, diabetes, epochs):
    settings = {**QUICK, "recipe": "default", "max_iter": epochs}
    assert MLPClassifier(**settings).fit(*wine).score(*wine) > 0.8
    frame, numbers = diabetes
    assert MLPRegressor(**settings).fit(frame[:200], numbers[:200]).score(frame, numbers) > 0.05


def test_warm_starts_need_the_same_classes_and_columns(wine):
    frame, kinds = wine
    classifier = MLPClassifier(**QUICK, warm_start=True).fit(frame, kinds)
    with pytest.raises(SettingsError, match="the same classes"):
        classifier.fit(frame, np.where(kinds == "red", "blue", kinds))
    with pytest.raises(TableError, match="are not in the table|is not in the table"):
        classifier.fit(frame.drop("alcohol"), kinds)


def test_bit_by_bit(wine):
    frame, kinds = wine
    classifier = MLPClassifier(**QUICK)
    with pytest.raises(SettingsError, match="classes must be given in the first call"):
        classifier.partial_fit(frame[:50], kinds[:50])
    for epoch in range(20):
        order = np.random.default_rng(epoch).permutation(len(frame))
        for rows in np.array_split(order, 3):
            classifier.partial_fit(frame[rows], kinds[rows], np.unique(kinds))
    assert classifier.score(frame, kinds) > 0.9
    assert classifier.n_iter_ == 60
    with pytest.raises(SettingsError, match="classes are other than in the first call"):
        classifier.partial_fit(frame, kinds, ["a", "b"])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("copied", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_a_copy_goes_on_bit_by_bit_as_the_original_does(wine, dropout, copied):
    """The moments of Adam, the masks' generators and the order of rows included."""
    frame, kinds = wine
    original = MLPClassifier(**QUICK, dropout=dropout)
    for _ in range(5):
        original.partial_fit(frame, kinds, np.unique(kinds))
    other = copied(original)
    for _ in range(3):
        before = other.predict_proba(frame)
        other.partial_fit(frame, kinds)
        original.partial_fit(frame, kinds)
        np.testing.assert_array_equal(other.predict_proba(frame), original.predict_proba(frame))
        assert not np.array_equal(other.predict_proba(frame), before)
    assert other.n_iter_ == original.n_iter_ == 8


def test_bit_by_bit_for_numbers_and_after_a_fit(diabetes):
    frame, numbers = diabetes
    regressor = MLPRegressor(**QUICK)
    for _ in range(30):
        regressor.partial_fit(frame, numbers)
    assert regressor.score(frame, numbers) > 0.4
    fitted = MLPRegressor(**QUICK).fit(frame, numbers)
    before = fitted.predict(frame)
    fitted.partial_fit(frame, numbers)
    assert not np.array_equal(fitted.predict(frame), before)


def test_copies_and_files_answer_alike(wine, tmp_path):
    frame, kinds = wine
    classifier = MLPClassifier(**QUICK).fit(frame, kinds)
    expected = classifier.predict_proba(frame)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict_proba(frame), expected)
    classifier.save(tmp_path / "model.safetensors")
    model = multilayer.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(model.probabilities(frame), expected)
    with pytest.raises(NotFittedError):
        clone(classifier).save(tmp_path / "other.safetensors")


def test_pipelines_searches_and_scores(wine):
    frame, kinds = wine
    X = frame.to_numpy()
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**QUICK))
    assert cross_val_score(pipeline, X, kinds, cv=3).mean() > 0.9
    search = GridSearchCV(MLPClassifier(**QUICK), {"max_iter": [1, 30]}, cv=2).fit(X, kinds)
    assert search.best_params_ == {"max_iter": 30}
    chosen = ColumnTransformer([("some", "passthrough", ["alcohol", "hue"])])
    chosen.set_output(transform="pandas")
    pipeline = make_pipeline(chosen, MLPClassifier(**QUICK)).fit(frame.to_pandas(), kinds)
    assert pipeline[-1].feature_names_in_.tolist() == ["some__alcohol", "some__hue"]


def test_metadata_is_routed_as_scikit_learn_does(wine):
    frame, kinds = wine
    set_config(enable_metadata_routing=True)
    try:
        classifier = MLPClassifier(**QUICK).set_fit_request(sample_weight=True, groups=True)
        classifier.set_score_request(sample_weight=True)
        weights, groups = np.ones(len(frame)), np.arange(len(frame)) // 4
        scores = cross_val_score(
            classifier, frame.to_numpy(), kinds, cv=2,
            params={"sample_weight": weights, "groups": groups},
        )  # fmt: skip
    finally:
        set_config(enable_metadata_routing=False)
    assert scores.mean() > 0.8


def test_columns_named_as_categories_are(wine):
    frame, kinds = wine
    X = frame.with_columns(pl.Series("code", np.unique(kinds, return_inverse=True)[1] * 10))
    for chosen in (["code"], [13], [-1], [False] * 13 + [True]):
        classifier = MLPClassifier(**QUICK, categorical_features=chosen).fit(X, kinds)
        assert classifier.model_.encoder.categories[0].name == "code"
    for wrong, message in (([14], "column 14; X has 14"), ([True], "marks 1 columns; X has 14")):
        with pytest.raises(SettingsError, match=message):
            MLPClassifier(**QUICK, categorical_features=wrong).fit(X, kinds)


def test_categories_never_seen_are_warned_of_refused_or_ignored():
    X = pd.DataFrame({"town": ["Bern", "Oslo", "Rome"] * 20, "size": np.arange(60.0) % 7})
    new = pd.DataFrame({"town": ["Bern", "Zug"], "size": [1.0, 2.0]})
    classifier = MLPClassifier(**{**QUICK, "max_iter": 2}).fit(X, np.tile([0, 1], 30))
    with pytest.warns(DataWarning, match="'town' .* in 1 of 2 rows, for example 'Zug'"):
        answers = classifier.predict_proba(new)
    classifier.set_params(on_unseen="error")
    with pytest.raises(TableError, match="'town' .* in 1 of 2 rows, for example 'Zug'"):
        classifier.predict(new)
    classifier.set_params(on_unseen="ignore")
    np.testing.assert_array_equal(classifier.predict_proba(new), answers)
    with pytest.raises(SettingsError, match="on_unseen must be one of"):
        classifier.set_params(on_unseen="no").predict(X)


def test_progress_is_printed_with_the_time_left(wine, capsys):
    frame, kinds = wine
    MLPClassifier(**QUICK, verbose=True).fit(frame, kinds)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1 of 30: train loss ")
    assert lines[0].endswith(" left")
    assert lines[-1].startswith("epoch 30 of 30: ")
    MLPClassifier(**QUICK).fit(frame, kinds)
    assert capsys.readouterr().out == ""


def test_it_stops_early_if_asked_to(diabetes):
    frame, numbers = diabetes
    regressor = MLPRegressor(
        **{**QUICK, "max_iter": 200}, early_stopping=True, n_iter_no_change=3
    ).fit(frame, numbers)
    assert regressor.n_iter_ < 200
    assert len(regressor.history_) == regressor.n_iter_


def test_settings_by_scikit_learns_names_and_by_ours():
    classifier = MLPClassifier(
        hidden_layer_sizes=(5, np.int64(4)), activation="logistic", max_iter=np.int64(2),
        settings={"schedule": "cosine"},
    )  # fmt: skip
    classifier.fit(np.arange(40.0).reshape(20, 2), np.tile([0, 1], 10))
    settings = classifier.model_.details["settings"]
    assert settings["hidden_widths"] == (5, 4)
    assert (settings["activation"], settings["schedule"]) == ("sigmoid", "cosine")
    assert classifier.n_iter_ == 2


@pytest.mark.parametrize(
    ("X", "y", "arguments", "message"),
    [
        ([[np.nan], [1.0], [2.0]], [0.0, 1.0, np.inf], {}, "Input y contains infinity"),
        ([[1.0], [2.0]], [0.0, np.nan], {}, "Input y contains NaN"),
        ([[1.0]], [1.0], {}, "1 sample"),
        ([[1.0], [2.0]], [1.0], {}, "X has 2 rows and y 1"),
        ([[1.0], [2.0]], [1.0, 2.0], {"sample_weight": [-1.0, 1.0]}, "[Nn]egative"),
        ([[1.0], [2.0]], [1.0, 2.0], {"sample_weight": [0.0, 0.0]}, "zero"),
        ([[1.0], [1.0]], [1.0, 2.0], {}, "no feature columns left"),
    ],
)
def test_bad_input_is_a_value_error(X, y, arguments, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**QUICK).fit(np.array(X), np.array(y), **arguments)


def test_missing_and_infinite_features_are_missing(wine):
    frame, kinds = wine
    X = frame.to_numpy().copy()
    X[::7, 3], X[::5, 4] = np.nan, np.inf
    with pytest.warns(DataWarning, match="'x4' is infinite in 36 of 178 rows; .* as missing"):
        classifier = MLPClassifier(**QUICK).fit(X, kinds)
    X[::5, 4] = np.nan
    assert classifier.score(X, kinds) > 0.9
    assert np.isfinite(classifier.predict_proba(np.full((1, 13), np.nan))).all()


def test_too_few_held_out_rows_for_an_interval(diabetes):
    frame, numbers = diabetes
    regressor = MLPRegressor(**QUICK).fit(frame[:20], numbers[:20])
    with pytest.raises(DataError, match="needs at least 9 held-out rows; .* with 4"):
        regressor.predict_interval(frame)


def test_rows_that_are_mappings_are_taken():
    rows = [{"size": float(number), "town": "Bern"} for number in range(40)]
    labels = [number > 20 for number in range(40)]
    model = MLPClassifier("fast", max_iter=2, random_state=0).fit(rows, labels)
    answers = model.predict_proba(rows)
    columns = {"town": ["Bern"] * 40, "size": list(range(40))}
    np.testing.assert_array_equal(model.predict_proba(columns), answers)
    np.testing.assert_allclose(model.predict_proba(rows[3]), answers[3:4], rtol=1e-12)
