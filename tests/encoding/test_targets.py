import datetime
import json
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder, StandardScaler

from multilayer.columns.alike_texts import tidied
from multilayer.columns.missing import present_values
from multilayer.columns.target_values import infer_task, is_present, target_array
from multilayer.columns.value_format import boolean_of
from multilayer.encoding.number_scale import NumberScale
from multilayer.encoding.targets import Targets
from multilayer.errors import TableError


def through_json(targets: Targets) -> Targets:
    return Targets.from_json(json.loads(json.dumps(targets.to_json(), allow_nan=False)))


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([3, 1, 2] * 10, "multiclass", (1, 2, 3)),
        ([0, 1], "binary", (0, 1)),
        (["b", "a"], "binary", ("a", "b")),
        ([True, False], "binary", (False, True)),
        (np.array(["b", "a", "c"], dtype=object), "multiclass", ("a", "b", "c")),
        (["x", 1, 2.5, "b"], "multiclass", (1, 2.5, "b", "x")),
        (pd.Series(["u", "v"], name="y"), "binary", ("u", "v")),
        (pd.Series(["u", "v"], dtype="category"), "binary", ("u", "v")),
        (pl.Series(["u", "v", "none"]), "multiclass", ("none", "u", "v")),
        (pl.DataFrame({"y": [1, 0]}), "binary", (0, 1)),
        (np.array([[1], [0]]), "binary", (0, 1)),
        (["one"], "binary", ("one",)),
        ([1.5, 2.0, 2.5], "regression", ()),
        (list(range(50)), "regression", ()),
        (np.array([2, 1], dtype=np.uint8), "binary", (1, 2)),
        ([[1, 0], [0, 1]], "multilabel", ()),
        ([[1.5, 0], [0, 1]], "regression", ()),
        (pl.DataFrame({"a": [1, 0], "b": ["yes", "no"]}), "multilabel", ()),
    ],
)
def test_task_and_classes_are_found(values, task: str, classes) -> None:
    targets = Targets.fit(values)
    assert targets.task == task
    assert targets.classes == classes
    assert [type(label) for label in targets.classes] == [type(label) for label in classes]
    again = through_json(targets)
    assert again == targets
    np.testing.assert_array_equal(again.encode(values), targets.encode(values))


@pytest.mark.parametrize("kind", ["int", "float", "str", "bool", "object"])
def test_classes_are_numbered_as_scikit_learn_numbers_them(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2 if kind == "bool" else 1000, 5000)
    labels = values.astype(str).astype(object) if kind == "object" else values.astype(kind)
    targets = Targets.fit(labels, "multiclass")
    theirs = LabelEncoder().fit(labels)
    encoded = targets.encode(labels)
    np.testing.assert_array_equal(targets.class_array, theirs.classes_)
    np.testing.assert_array_equal(encoded, theirs.transform(labels))
    assert encoded.dtype == np.int64
    np.testing.assert_array_equal(targets.decode_classes(encoded), labels)


def test_numbers_are_standardised_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(3e6, 200, (300, 3))
    targets = Targets.fit(y)
    theirs = StandardScaler().fit(y)
    np.testing.assert_allclose(targets.scale.means, theirs.mean_, rtol=1e-10)
    np.testing.assert_allclose(targets.scale.deviations, theirs.scale_, rtol=1e-10)
    np.testing.assert_allclose(targets.encode(y), theirs.transform(y), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(targets.scale.decode(theirs.transform(y)), y, rtol=1e-10)


def test_predictions_are_clipped_to_the_range_of_the_training_rows() -> None:
    targets = Targets.fit([10.0, 20.0, 30.5])
    outputs = np.array([[-99.0], [0.0], [99.0]])
    np.testing.assert_allclose(targets.scale.decode(outputs)[:, 0], [10, 60.5 / 3, 30.5])
    assert targets.scale.decode(outputs, clip=False)[2, 0] > 100


def test_counts_are_multiples_of_their_mean_and_outputs_logarithms_of_them() -> None:
    """Counts 0, 2, 4 have the mean 2: the output log 3 is the rate 6, beyond the highest count."""
    targets = Targets.fit([0, 2, 4], "regression", loss="poisson")
    assert targets.encode([0, 2, 4])[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert targets.scale.restore(targets.encode([0, 2, 4]))[:, 0].tolist() == [0, 2, 4]
    outputs = np.log([[0.5], [3.0]])
    np.testing.assert_allclose(targets.scale.decode(outputs, clip=False)[:, 0], [1, 6])
    np.testing.assert_allclose(targets.scale.decode(outputs)[:, 0], [1, 4])
    assert through_json(targets) == targets
    for wrong in (
        lambda: Targets.fit([1, -2], "regression", loss="poisson"),
        lambda: targets.encode([3, -2]),
    ):
        with pytest.raises(
            TableError, match="row 2 of target 'target' must be at least 0 for .*-2"
        ):
            wrong()
    assert Targets.fit([0, 0], "regression", loss="poisson").scale.deviations == (1.0,)


def test_a_robust_loss_is_scaled_by_median_and_quartiles() -> None:
    y = np.random.default_rng(0).normal(5, 2, 20_001)
    y[:100] = 1e6
    for loss in ("absolute_error", "huber", "quantile"):
        scale = Targets.fit(y, loss=loss).scale
        assert scale.means == (np.median(y),)
        assert scale.deviations[0] == pytest.approx(2, rel=0.05)
    assert Targets.fit([0.0] * 9 + [1.5], loss="huber").scale.deviations == pytest.approx((0.45,))


def test_quantiles_lie_beside_each_other_and_do_not_cross() -> None:
    """Two targets of three quantiles each: medians 2 and 20, deviations those of quartiles."""
    values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    targets = Targets.fit(values, loss="quantile", quantiles=(0.1, 0.3, 0.8))
    assert targets.num_outputs == 6
    unit = 1 / 1.3489795003921634
    outputs = np.array([[1.0, 0.0, -1.0, -1.0, 0.5, 0.0]])
    decoded = targets.scale.decode(outputs, clip=False)
    expected = [2 - unit, 2, 2 + unit, 20 - 10 * unit, 20, 20 + 5 * unit]
    np.testing.assert_allclose(decoded[0], expected)
    assert targets.scale.by_quantile(decoded).shape == (1, 2, 3)
    # 0.5 lies at two fifths of the way from 0.3 to 0.8.
    np.testing.assert_allclose(targets.scale.central(decoded)[0], [2 + 0.4 * unit, 20 + 2 * unit])
    assert through_json(targets) == targets


@pytest.mark.parametrize(
    ("levels", "central"),
    [((0.5,), 1), ((0.9,), 1), ((0.1, 0.9), 1.5), ((0.6, 0.9), 1), ((0.1, 0.2, 0.4), 3)],
)
def test_the_answer_among_quantiles_is_the_one_nearest_to_the_median(levels, central) -> None:
    scale = NumberScale((0.0,), (1.0,), (0.0,), (9.0,), levels)
    decoded = np.arange(1.0, len(levels) + 1)[None]
    assert scale.central(decoded).tolist() == [[central]]


@pytest.mark.parametrize("levels", [(), (0.1, 0.5, 0.9)])
def test_no_outputs_are_no_numbers(levels) -> None:
    scale = NumberScale((3.0, 5.0), (2.0, 0.1), (0.0, 0.0), (9.0, 9.0), levels)
    decoded = scale.decode(np.empty((4, 0, 2 * (len(levels) or 1))))
    assert decoded.shape == (4, 0, 2 * (len(levels) or 1))
    assert scale.central(decoded).shape == (4, 0, 2)


@given(st.lists(st.floats(-50, 50), min_size=6, max_size=6))
def test_answers_in_order_stay_in_order(outputs) -> None:
    scale = NumberScale((3.0, 5.0), (2.0, 0.1), (0.0, 0.0), (9.0, 9.0), (0.1, 0.5, 0.9))
    for clip in (True, False):
        quantiles = scale.by_quantile(scale.decode(np.array([outputs]), clip))
        assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_equal_numbers_have_the_deviation_one() -> None:
    targets = Targets.fit([0.1] * 7, "regression")
    assert targets.scale.deviations == (1.0,)
    assert np.abs(targets.encode([0.1, 1.1])[:, 0] - [0, 1]).max() < 1e-6


def test_labels_are_read_in_any_spelling() -> None:
    targets = Targets.fit([[1, 0], [0, 1]], names=["wet", "cold"])
    assert targets.num_outputs == 2
    for values in (
        [["yes", "f"]],
        [[True, False]],
        [[1.0, 0.0]],
        pl.DataFrame({"a": [1], "b": ["no"]}),
    ):
        assert targets.encode(values).tolist() == [[1.0, 0.0]]
    with pytest.raises(
        TableError, match="row 2 of target 'cold' must be 0 or 1, or no or yes, it is 2"
    ):
        targets.encode([[1, 0], [0, 2]])


def test_a_file_may_write_numbers_as_text() -> None:
    assert Targets.fit([1, 2, 3], "multiclass").encode(["3", "1"]).tolist() == [2, 0]
    assert Targets.fit([1.5, 2.5]).encode(["1.5", "2.5"]).shape == (2, 1)


def test_names_are_those_of_the_columns() -> None:
    assert Targets.fit(pl.Series("price", [1.5, 2.0])).names == ("price",)
    assert Targets.fit(pd.DataFrame({"a": [1.5], "b": [2.5]})).names == ("a", "b")
    assert Targets.fit([[1.5, 2.5]]).names == ("target", "target 2")
    assert Targets.fit([1.5], names=["y"]).names == ("y",)


MISSING = [None, float("nan"), "", " ", "nan", np.nan, pd.NA, pd.NaT]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_rows_without_a_target_are_found(missing) -> None:
    found = is_present(["a", missing, "none", "-", "NA", "?"])
    assert found.tolist() == [True, False, True, True, True, True]
    with pytest.raises(TableError, match="'target' is missing in 1 of 2 rows, first in row 2"):
        Targets.fit(["a", missing])


def test_a_row_has_all_of_its_targets_or_none() -> None:
    assert is_present([[1.0, 2.0], [np.nan, 1.0]]).tolist() == [True, False]
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    assert is_present(frame).tolist() == [True, False]
    assert is_present([1, 2]).tolist() == [True, True]
    assert is_present(np.array(["2024-01-01", "NaT"], dtype="M8[D]")).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Targets.fit([]), "no training rows"),
        (
            lambda: Targets.fit([1.0, np.inf], "regression"),
            "row 2 of target 'target' must be a finite",
        ),
        (
            lambda: Targets.fit(["1", "x"], "regression"),
            "row 2 of target 'target' must be a number, it is 'x'",
        ),
        (lambda: Targets.fit([1e300, -1e300], "regression"), "too large to be squared"),
        (lambda: Targets.fit([1.0], "clustering"), "task must be one of binary, "),
        (lambda: Targets.fit([[1, 2]], "multiclass"), "must be one column, not 2"),
        (lambda: Targets.fit([1.0], names=["a", "b"]), "1 targets were given 2 names"),
        (lambda: Targets.fit(np.zeros((2, 2, 2))), "one or two dimensions"),
        (lambda: Targets.fit([[1, 2], [3]]), "equal length"),
        (
            lambda: Targets.fit(["a", "b"]).encode(["b", "c"]),
            "row 2 of target 'target' is 'c', which is not a class .* rows: a, b",
        ),
        (lambda: Targets.fit([1.5]).encode([[1.5, 2.5]]), "there must be 1 targets, not 2"),
        (lambda: Targets.fit([(1, 2), (3, 4)], "multiclass"), "must be one column"),
        (lambda: Targets.fit([1 + 2j, 3j], "multiclass"), "of type complex; classes are text"),
        (lambda: Targets.fit([datetime.date(2024, 1, 2)], "binary"), "'target' holds dates"),
        (lambda: Targets.fit(np.array(["2024-01-02"], "M8[D]")), "'target' holds dates"),
        (lambda: Targets.fit([b"a", b"b"], "binary"), "of type bytes; classes are text"),
        (lambda: Targets.fit([2**60, 2**60 + 1, 5], "regression"), "beyond 2.53 that are equal"),
        (lambda: Targets.fit([f"name {n}" for n in range(40)]), "40 different values in 40 rows"),
        (
            lambda: Targets.fit([*(f"{n}.5" for n in range(40)), "unknown", "7.5"]),
            "row 41 of target 'target' is 'unknown', where most .* --missing unknown",
        ),
        (lambda: Targets.fit([f"${n},000.50" for n in range(40)]), "which look like numbers"),
    ],
)
def test_what_cannot_be_predicted_is_refused(call, message: str) -> None:
    with pytest.raises(TableError, match=message):
        call()


DOCUMENT = Targets.fit(["a", "b"]).to_json()
NUMBERS = Targets.fit([1.5, 2.5]).to_json()


@pytest.mark.parametrize(
    "document",
    [
        {},
        DOCUMENT | {"task": "other"},
        DOCUMENT | {"classes": []},
        DOCUMENT | {"classes": ["a", "a"]},
        DOCUMENT | {"classes": ["a", None]},
        DOCUMENT | {"names": []},
        DOCUMENT | {"means": [1.0]},
        NUMBERS | {"classes": ["a"]},
        NUMBERS | {"means": []},
        NUMBERS | {"means": [float("nan")]},
        NUMBERS | {"deviations": ["1"]},
        NUMBERS | {"deviations": [0.0]},
        NUMBERS | {"lowest": 3},
        NUMBERS | {"quantiles": [0.9, 0.1]},
        NUMBERS | {"quantiles": [1.0]},
        NUMBERS | {"quantiles": ["0.5"]},
        NUMBERS | {"are_counts": 1},
        NUMBERS | {"are_counts": True},
        DOCUMENT | {"quantiles": [0.5]},
    ],
)
def test_a_document_that_is_no_targets_is_refused(document) -> None:
    with pytest.raises(TableError, match="not a description of targets"):
        Targets.from_json(document)


LABEL = st.text(min_size=1) | st.integers() | st.booleans() | st.floats(allow_nan=False)


@settings(deadline=None)
@given(labels=st.lists(LABEL, min_size=1, max_size=20))
@example(labels=["\0"])
@example(labels=["a", "a\0", "\0a"])
def test_any_labels_come_back(labels) -> None:
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    array = array[is_present(array)]
    if len(array) == 0:
        return
    targets = Targets.fit(array, "multiclass")
    again = (
        through_json(targets)
        if np.isfinite([c for c in targets.classes if isinstance(c, float)]).all()
        else targets
    )
    decoded = targets.decode_classes(again.encode(array)).tolist()
    # Labels that differ only in spaces or accents are one, and so are all of yes and all of no.
    spellings: dict[object, set[object]] = {}
    for label in array.tolist():
        spellings.setdefault(tidied(label), set()).add(label)
    for label, found in zip(array.tolist(), decoded, strict=True):
        same_words = boolean_of(label) is not None and boolean_of(label) == boolean_of(found)
        assert same_words or found in spellings[tidied(label)]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["Yes", "yes ", "no", "Yes"], ("Yes", "no")),
        (["true", "True", "1", "False", "true"], ("False", "true")),
        ([True, "true", True, "no"], None),  # "no" is of another family
        (["up ", "up", "down"], ("down", "up")),
        ([" up", "up", " up", "down "], (" up", "down ")),  # to be found in the table again
        (["e\u0301", "e\u0301", "\u00e9", "n\u0303"], ("e\u0301", "n\u0303")),
        (["t", "n", "y"], ("n", "t", "y")),
        (["Up", "up", "down"], ("Up", "down", "up")),
        ([0, 1, 2, "1"], None),
    ],
)
def test_spellings_of_one_label_are_one_class(labels, classes) -> None:
    targets = Targets.fit(labels, "multiclass")
    if classes is not None:
        assert targets.classes == classes
    assert sum(targets.class_counts) == len(labels)
    assert (targets.encode(labels) >= 0).all()


def test_labels_that_differ_in_little_are_named() -> None:
    labels = ["<=50K"] * 9 + ["<=50K."] * 3 + [">50K"] * 9 + ["Total"]
    notes = Targets.fit(labels).notes
    assert len(notes) == 2
    assert "'<=50K' (9 rows), '<=50K.' (3 rows)" in notes[0]
    assert "a class of a single row" in notes[1]
    assert "'Total' (row 22)" in notes[1]
    merged = Targets.fit(["yes"] * 5 + ["Yes "] * 2 + ["no"] * 4).notes
    assert merged == (
        "labels 'yes' (5 rows), 'Yes ' (2 rows) of target 'target' are merged into class 'yes'",
    )
    assert Targets.fit(["a", "b"] * 9).notes == ()


@pytest.mark.parametrize(
    ("classes", "label", "found"),
    [
        (["0", "1", "unk"], 1, "1"),
        (["0", "1", "unk"], 1.0, "1"),
        ([0, 1], " 1.0", 1),
        ([1.5, 2.5], "2.50", 2.5),
        (["1.1", "1.10"], "1.10", "1.10"),
        ([False, True], "yes", True),
        (["no", "yes"], True, "yes"),
        (["Up", "down"], "UP", "Up"),
        (["a b", "c"], " a b ", "a b"),
        ([2**60, 2**60 + 1], str(2**60 + 1), 2**60 + 1),
        ([2**70, 2**70 + 1], 2**70, 2**70),
        ([1, 2**63 + 1], 2**63 + 1, 2**63 + 1),
        (np.array([0, 2**64 - 1], np.uint64), str(2**64 - 1), 2**64 - 1),
    ],
)
def test_a_label_is_found_however_it_is_written(classes, label, found) -> None:
    targets = through_json(Targets.fit(classes, "multiclass"))
    assert targets.decode_classes(targets.encode(pl.Series([label])))[0] == found


@pytest.mark.parametrize(
    ("classes", "label"),
    [(["1.1", "1.10"], 1.1000001), (["Up", "up"], "UP"), (["a", "b"], "c"), ([0, 1, 2], "yes")],
)
def test_a_label_that_may_be_several_is_none(classes, label) -> None:
    matched = Targets.fit(classes, "multiclass").matched([label])
    assert matched.numbers.tolist() == [-1]
    assert matched.unknown == {label: 1}


def test_masked_targets_are_missing() -> None:
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert is_present(masked).tolist() == [True, False, True]
    assert is_present(np.ma.array([0.5, 1.5], mask=[True, False])).tolist() == [False, True]
    assert target_array(np.ma.array([1, 2])).tolist() == [1, 2]


def test_many_rows_take_little_memory() -> None:
    y = np.random.default_rng(0).normal(size=300_000)
    tracemalloc.start()
    Targets.fit(y).encode(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * y.nbytes


def test_target_arrays_are_of_one_or_two_dimensions() -> None:
    assert target_array(pl.Series([1, None])).tolist() == [1, None]
    assert target_array(pl.DataFrame({"a": [1, 2], "b": [0.5, 1]})).dtype == np.float64
    assert infer_task([1, None, 0]) == "binary"


@pytest.mark.parametrize("values", [[1.5, 2.5], ["a", "b"], [[1, 0], [0, 1]]])
def test_no_rows_are_encoded_as_no_rows(values) -> None:
    targets = Targets.fit(values)
    array = np.asarray(values)
    assert targets.encode(array[:0]).shape == (0, *targets.encode(array).shape[1:])


@pytest.mark.parametrize("num_rows", [3, 400])
def test_which_labels_are_present_does_not_depend_on_how_they_are_held(num_rows):
    texts = (["yes", None, " NaN ", "", "nan", "NA"] * num_rows)[: 6 * num_rows]
    expected = [text not in (None, " NaN ", "", "nan") for text in texts]
    for values in (texts, np.array(texts, dtype=object), pl.Series("y", texts)):
        assert is_present(values).tolist() == expected
    both = pl.DataFrame({"y": texts, "z": ["no"] * len(texts)})
    assert is_present(both).tolist() == expected
    assert is_present(["yes", "no"] * num_rows).all()
    assert is_present(np.array([float("nan"), "no"], dtype=object)).tolist() == [False, True]
    assert present_values(both["y"]).to_list() == [
        "yes" if text == "yes" else None for text in texts
    ]
    assert present_values(both["z"]).to_list() == both["z"].to_list()
    assert present_values(pl.Series("y", [" no "] * 99)).unique().to_list() == ["no"]
