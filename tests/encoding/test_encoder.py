import json

import numpy as np
import polars as pl
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, RobustScaler

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.errors import SettingsError, TableError


def fitted(frame: pl.DataFrame, plan: EncodingPlan | None = None, **told) -> Encoder:
    return Encoder.fit(frame, infer_schema(frame, **told), plan)


def smoothly_clipped(x):
    return x / np.sqrt(1 + (x / 3) ** 2)


def through_json(encoder: Encoder) -> Encoder:
    return Encoder.from_json(json.loads(json.dumps(encoder.to_json())))


def test_numbers_are_scaled_as_scikit_learn_scales_them() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(5, 30, (201, 7)) ** 3
    encoder = fitted(pl.DataFrame(X))
    expected = smoothly_clipped(RobustScaler().fit_transform(X))
    np.testing.assert_allclose(encoder.encode(pl.DataFrame(X)), expected, rtol=1e-6, atol=1e-7)
    scaler = RobustScaler().fit(X)
    np.testing.assert_allclose(encoder.scaling.median, scaler.center_, rtol=1e-10)
    np.testing.assert_allclose(encoder.scaling.scale, 1 / scaler.scale_, rtol=1e-10)


def test_where_the_quartiles_coincide_the_range_decides() -> None:
    # 0 0 0 0 10: median 0, quartiles 0 and 0, so s = 2 / 10; 10 becomes 2 / sqrt(1 + 4/9).
    frame = pl.DataFrame({"x": [0, 0, 0, 0, 10]})
    np.testing.assert_allclose(
        fitted(frame).encode(frame)[:, 0], [0, 0, 0, 0, 2 / np.sqrt(13 / 9)], rtol=1e-6
    )


def test_a_column_that_is_constant_in_the_training_rows_becomes_zero() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [7.0, 7.0, 8.0]})
    encoder = Encoder.fit(frame.head(2), infer_schema(frame))
    assert encoder.encode(frame)[:, 1].tolist() == [0, 0, 0]


def test_missing_numbers_become_the_mean_and_say_so() -> None:
    X = np.array([[1.0, 4.0], [np.nan, 5.0], [4.0, 6.0], [7.0, np.nan], [9.0, 8.0]])
    frame = pl.DataFrame(X, schema=["x", "y"])
    encoder = fitted(frame)
    imputer = SimpleImputer(add_indicator=True).fit(X)
    np.testing.assert_allclose(encoder.means, imputer.statistics_, rtol=1e-10)
    encoded = encoder.encode(frame)
    # x: 1 4 7 9 have the median 5.5 and the quartiles 3.25 and 7.5; the mean is 5.25.
    np.testing.assert_allclose(encoded[1, 0], smoothly_clipped(-0.25 / 4.25), rtol=1e-6)
    # The indicator 0 1 0 0 0 has quartiles 0 and 0 and the range 1: s = 2.
    np.testing.assert_allclose(encoded[:, 2], smoothly_clipped(2.0 * imputer.transform(X)[:, 2]))
    assert encoder.num_numeric == 2
    assert encoder.num_passthrough == 2
    assert encoder.input_names == ("x", "y", "x is missing", "y is missing")


def test_a_number_missing_where_none_was_in_training_becomes_the_mean() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 6.0]})
    encoder = fitted(frame)
    encoded = encoder.encode(pl.DataFrame({"x": [None, float("nan"), float("inf"), 3.0]}))
    assert encoded[0] != 0
    assert (encoded == encoded[-1]).all()


@pytest.mark.parametrize("num_categories", [3, 8])
def test_few_categories_become_one_hot_columns_as_in_scikit_learn(num_categories: int) -> None:
    rng = np.random.default_rng(num_categories)
    texts = np.array([f"c{place}" for place in rng.integers(0, num_categories, 300)])
    frame = pl.DataFrame({"c": texts})
    encoder = fitted(frame)
    one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(texts[:, None])
    columns = one_hot.transform(np.append(texts, "new")[:, None])
    scaler = RobustScaler().fit(columns[:-1])
    # scikit-learn leaves a scale of 1 where the quartiles coincide; the recipe has s = 2 there.
    first, third = np.quantile(columns[:-1], [0.25, 0.75], axis=0)
    scale = np.where(third > first, 1 / scaler.scale_, 2.0)
    expected = smoothly_clipped((columns - scaler.center_) * scale)
    encoded = encoder.encode(pl.DataFrame({"c": [*texts, "new"]}))
    np.testing.assert_allclose(encoded, expected, rtol=1e-6)
    assert encoder.num_passthrough == num_categories
    assert encoder.category_sizes == ()


def test_two_categories_become_one_column() -> None:
    # −1 −1 −1 1: median −1, quartiles −1 and −0.5, so s = 2; missing is 0 before it is scaled.
    frame = pl.DataFrame({"c": ["a", "a", "a", "b"]})
    encoded = fitted(frame).encode(pl.DataFrame({"c": ["a", "b", None, "new"]}))
    np.testing.assert_allclose(
        encoded[:, 0], smoothly_clipped(np.array([0.0, 4.0, 2.0, 2.0])), rtol=1e-6
    )


def test_many_categories_become_codes() -> None:
    texts = [f"c{place:02d}" for place in range(9)] * 3
    encoder = fitted(pl.DataFrame({"c": texts}))
    assert encoder.category_sizes == (10,)
    assert encoder.num_passthrough == encoder.num_numeric == 0
    rows = pl.DataFrame({"c": ["c00", "c08", " c03 ", None, "?", "new"]})
    assert encoder.encode(rows)[:, 0].tolist() == [1, 9, 4, 0, 0, 0]


def test_every_category_can_have_a_column() -> None:
    texts = [f"c{place:02d}" for place in range(20)] * 2
    encoder = fitted(pl.DataFrame({"c": texts}), EncodingPlan(one_hot_limit=None))
    assert encoder.num_passthrough == 20
    many = [f"c{place:04d}" for place in range(1500)] + ["c1499"] * 2
    encoder = fitted(pl.DataFrame({"c": many}), EncodingPlan(one_hot_limit=None), categorical=["c"])
    assert encoder.num_passthrough == 1000
    assert "c = c1499" in encoder.input_names


def test_many_rows_are_looked_up_as_few_are() -> None:
    rng = np.random.default_rng(1)
    texts = [None if place == 0 else f"c{place}" for place in rng.integers(0, 30, 20_000)]
    frame = pl.DataFrame({"c": texts, "d": rng.integers(0, 2, 20_000) > 0})
    encoder = fitted(frame.head(500), categorical=["c"])
    whole = encoder.encode(frame)
    pieces = [encoder.encode(frame.slice(start, 500)) for start in range(0, 20_000, 500)]
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


def test_the_inputs_stand_in_the_agreed_order() -> None:
    frame = pl.DataFrame(
        {
            "many": [f"c{place % 9}" for place in range(36)],
            "few": ["a", "b", "c"] * 12,
            "x": [None, *range(35)],
            "day": [f"2024-01-{place % 28 + 1:02d}" for place in range(36)],
        }
    )
    encoder = fitted(frame)
    assert encoder.num_numeric == 8
    assert encoder.num_passthrough == 4
    assert encoder.category_sizes == (10,)
    assert encoder.num_inputs == 13
    assert encoder.input_names[:2] == ("x", "day: days")
    assert encoder.input_names[8:] == ("few = a", "few = b", "few = c", "x is missing", "many")
    assert encoder.feature_groups == {
        "x": (0, 11),
        "day": (1, 2, 3, 4, 5, 6, 7),
        "few": (8, 9, 10),
        "many": (12,),
    }
    assert encoder.encode(frame).shape == (36, 13)


@pytest.mark.parametrize(
    ("trained", "asked"),
    [
        ([1, 2, 3] * 7, ["1", "2.0", " 3 "]),
        ([1.0, 2.0, 3.0] * 7, ["1", "2", "3"]),
        (["1", "2", "3"] * 7, [1, 2, 3]),
        (["yes", "no", "no"] * 7, ["TRUE", "f", "0"]),
        ([True, False, False] * 7, ["True", "false", "No"]),
    ],
)
def test_a_category_is_known_in_another_spelling_or_type(trained, asked) -> None:
    frame = pl.DataFrame({"c": trained})
    kind = "boolean" if len(set(trained)) == 2 else "categorical"
    encoder = fitted(frame, as_kind={"c": kind})
    np.testing.assert_array_equal(
        encoder.encode(pl.DataFrame({"c": asked})), encoder.encode(frame.head(3))
    )


def test_columns_are_found_by_name() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 4.0], "c": ["a", "b", "c"], "y": [3.0, 1.0, 2.0]})
    encoder = fitted(frame)
    shuffled = frame.with_columns(extra=pl.lit("z")).select("extra", "y", "c", "x")
    np.testing.assert_array_equal(encoder.encode(shuffled), encoder.encode(frame))
    assert encoder.ignored_columns(shuffled.columns) == ("extra",)


def test_all_missing_columns_are_listed() -> None:
    encoder = fitted(pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 3.0], "z": [1.0, 4.0]}))
    with pytest.raises(TableError, match=r"columns 'x', 'z' are not in new.csv; .* are y, w"):
        encoder.encode(pl.DataFrame({"y": [1], "w": [2]}), "new.csv")


def test_text_among_numbers_is_found() -> None:
    encoder = fitted(pl.DataFrame({"age": [1.0, 2.0]}))
    np.testing.assert_array_equal(
        encoder.encode(pl.DataFrame({"age": ["1", " 2.0", "?"]})),
        encoder.encode(pl.DataFrame({"age": [1.0, 2.0, None]})),
    )
    rows = pl.DataFrame({"age": ["1", "?", "x" * 100]})
    with pytest.raises(
        TableError, match=r"^row 103 of column 'age' of new.csv must be a number, it is 'xx+…'$"
    ):
        encoder.encode(rows, "new.csv", first_row=101)


def test_numbers_of_any_size_stay_finite() -> None:
    huge = np.finfo(float).max
    frame = pl.DataFrame(
        {"x": [-huge, -1.0, 0.0, huge], "y": [5e-324, 0.0, 0.0, 0.0], "z": [0.0, 0.0, 0.0, 5e-324]}
    )
    encoder = fitted(frame)
    extremes = pl.DataFrame({name: [-huge, 0.0, huge] for name in "xyz"})
    for rows in (frame, extremes):
        assert np.isfinite(encoder.encode(rows)).all()
    assert np.isfinite(through_json(encoder).encode(extremes)).all()


def test_the_same_comes_back_from_json() -> None:
    rng = np.random.default_rng(2)
    frame = pl.DataFrame(
        {
            "x": rng.normal(size=50),
            "n": [None, *rng.integers(0, 9, 49).tolist()],
            "c": [f"c{place % 4}" for place in range(50)],
            "d": [f"d{place % 12}" for place in range(50)],
            "t": [f"2024-{place % 12 + 1:02d}-01 0{place % 9}:30" for place in range(50)],
            "b": rng.normal(size=50) > 0,
        }
    )
    encoder = fitted(frame)
    again = through_json(encoder)
    assert again.to_json() == encoder.to_json()
    np.testing.assert_array_equal(again.encode(frame), encoder.encode(frame))


def broken(document, *path_and_value):
    document = json.loads(json.dumps(document))
    *path, last, value = path_and_value
    place = document
    for step in path:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    "change",
    [
        ("means", [1.0]),
        ("means", [float("nan"), 1.0]),
        ("means", "text"),
        ("numbers", 3),
        ("numbers", [{"name": "x"}]),
        ("numbers", 0, "name", 7),
        ("numbers", 0, "has_indicator", "yes"),
        ("numbers", 0, "date_format", "%f"),
        ("categories", 0, "form", "other"),
        ("categories", 0, "categories", ["a", "a", "b"]),
        ("categories", 0, "categories", ["a", "b"]),
        ("categories", 0, "name", "x"),
        ("scaling", {"median": [0.0], "scale": [1.0]}),
        ("scaling", "median", 0, float("inf")),
        ("scaling", {}),
    ],
)
def test_a_document_that_is_no_encoder_is_refused(change) -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 5.0], "y": [3, 4, None], "c": ["a", "b", "c"]})
    document = fitted(frame).to_json()
    with pytest.raises(TableError, match="not the encoder"):
        Encoder.from_json(broken(document, *change))


def test_there_must_be_something_to_learn_from() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "c": ["a", "a"]})
    schema = infer_schema(frame)
    with pytest.raises(TableError, match="no training rows"):
        Encoder.fit(frame.head(0), schema)
    with pytest.raises(TableError, match="no feature columns"):
        Encoder.fit(frame, infer_schema(frame, drop=["x"]))
    with pytest.raises(TableError, match="'x' is not in the table"):
        Encoder.fit(frame.drop("x"), schema)
    with pytest.raises(SettingsError, match="one_hot_limit"):
        EncodingPlan(one_hot_limit=-1)


def test_one_row_is_enough() -> None:
    frame = pl.DataFrame({"x": [3.0], "c": ["a"], "y": [None]}, schema_overrides={"y": pl.Float64})
    encoder = Encoder.fit(
        frame, infer_schema(frame, as_kind={"x": "numeric", "c": "categorical", "y": "numeric"})
    )
    assert encoder.encode(frame).tolist() == [[0.0, 0.0, 0.0, 0.0]]
