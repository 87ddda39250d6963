"""An exported graph answers as the predictor does, from raw columns to sets and intervals."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from onnx_sessions import inputs_of, number_of, session_of
from random_models import ACTIVATIONS, RandomModel, drawn_models, rows, tolerance_for

from multilayer.columns.dates import parts_of
from multilayer.columns.kinds import judge_columns
from multilayer.encoding.encoder import Encoder
from multilayer.export.onnx_dates import date_parts
from multilayer.export.onnx_graph import IR_VERSION, OPSET, Graph
from multilayer.export.onnx_model import onnx_model
from multilayer.model.predictor import Predictor


def check(model: Predictor, frame: Any, coverages: tuple[float, ...] = ()) -> None:
    """The graph's answers are those of the predictor."""
    content = onnx_model(model, "m", coverages)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = session_of(content)
    given = {"images": frame} if model.image_shape else inputs_of(session, frame)
    names = [one.name for one in session.get_outputs()]
    answers = dict(zip(names, session.run(None, given), strict=True))
    tolerance = tolerance_for(model)
    near = {"rtol": tolerance, "atol": tolerance}
    if model.targets.task == "regression":
        predicted = model.numbers(frame)
        np.testing.assert_allclose(answers["prediction"], predicted, **near)
        if model.targets.scale.quantiles:
            np.testing.assert_allclose(answers["quantiles"], model.quantiles(frame), **near)
        for coverage in coverages:
            ends = (answers[f"{end}_{coverage:g}"] for end in ("lower", "upper"))
            for end, expected in zip(ends, model.intervals(frame, coverage), strict=True):
                np.testing.assert_allclose(end, expected, **near)
        return
    probabilities = model.probabilities(frame)
    np.testing.assert_allclose(answers["probabilities"], probabilities, rtol=0, atol=tolerance)
    if model.targets.task == "multilabel":
        is_clear = np.abs(probabilities - 0.5) > tolerance
        np.testing.assert_array_equal((answers["labels"] == model.predict(frame)) | ~is_clear, True)
        return
    ordered = np.sort(probabilities, axis=1)
    is_clear = ordered[:, -1] - ordered[:, -2] > tolerance
    np.testing.assert_array_equal(answers["label"][is_clear], model.predict(frame)[is_clear])
    for coverage in coverages:
        is_same = answers[f"set_{coverage:g}"] == model.sets(frame, coverage)
        assert (~is_same).sum() <= 1 + is_same.size // 1000  # a probability may be beside a score


@settings(max_examples=40)
@given(drawn_models, st.integers(0, 40), st.integers(0, 2**30))
def test_it_answers_as_the_predictor_does_whatever_it_is_made_of(drawn, num_rows, seed):
    scores = (30,) if seed % 2 else (25,) * drawn.num_members
    drawn.num_scores = scores
    frame = rows(np.random.default_rng(seed), num_rows, is_new=True)
    coverages = () if drawn.task == "labels" else (0.5, 0.9)
    check(drawn.predictor(), frame, coverages)


@settings(max_examples=10)
@given(
    st.integers(0, 2**30), st.sampled_from(ACTIVATIONS), st.sampled_from([1, 3]), st.booleans(),
    st.sampled_from([1, 2]),
)  # fmt: skip
def test_it_labels_images_as_the_predictor_does(
    seed, activation, num_members, has_features, num_populations
):
    shape = {
        "activation": activation, "batch_norm": has_features, "learned_activation": has_features,
        "standardize_inputs": has_features,
    }  # fmt: skip
    drawn = RandomModel(
        seed, columns=(), num_members=num_members, num_populations=num_populations,
        num_scores=(40,) * num_members, shape=shape, classes=("cat", "dog", "eel"),
    )  # fmt: skip
    images = np.random.default_rng(seed).integers(0, 256, (20, 4, 3), dtype=np.uint8)
    check(drawn.predictor(), images, (0.9,))


@pytest.mark.parametrize("task", ["numbers", "counts", "quantiles"])
@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.9, 0.98])
def test_intervals_of_many_scores_are_found_by_bisection(task, coverage, monkeypatch):
    monkeypatch.setattr("multilayer.export.onnx_answers._MOST_SORTED", 50)
    model = RandomModel(
        seed=3, task=task, columns=("size", "five"), num_members=3, num_scores=(20, 1, 33)
    ).predictor()
    check(model, rows(np.random.default_rng(1), 9, is_new=True), (coverage,))


@pytest.mark.parametrize(
    ("task", "most_sorted"), [("classes", 0), ("quantiles", 0), ("quantiles", 99)]
)
def test_the_reference_implementation_of_onnx_gives_the_same(task, most_sorted, monkeypatch):
    """So that nothing rests on what one runtime makes of the standard."""
    monkeypatch.setattr("multilayer.export.onnx_answers._MOST_SORTED", most_sorted)
    model = RandomModel(
        task=task, num_members=3, num_populations=2, num_scores=(20, 20, 20),
        shape={"embeds_numbers": True, "activation": "mish", "category_statistics": 2},
    ).predictor()  # fmt: skip
    content = onnx_model(model, "m", (0.8,))
    session = session_of(content)
    given = inputs_of(session, rows(np.random.default_rng(1), 7, is_new=True))
    reference = ReferenceEvaluator(onnx.load_from_string(content)).run(None, given)
    for one, other in zip(reference, session.run(None, given), strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
        else:
            np.testing.assert_array_equal(one, other)


def answers_of(model: Predictor, given: dict[str, Any]) -> dict[str, np.ndarray]:
    session = session_of(onnx_model(model, "m", ()))
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


@pytest.mark.parametrize("classes", [(3, 5, 7), (2.5, 3.5, 4.5), ("a", "b", "ü"), (1, "b", 2.5)])
def test_labels_are_whole_numbers_or_text(classes):
    model = RandomModel(columns=("size",), classes=classes).predictor()
    size = np.linspace(-100, 300, 50)
    found = answers_of(model, {"size": size[:, None]})["label"]
    expected = model.predict(pl.DataFrame({"size": size}))
    if all(type(label) is int for label in classes):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected)
    else:
        assert list(found) == list(map(str, expected))


@pytest.mark.parametrize(
    "spelled",
    ["True", "TRUE", "yes", "Y", "on", "1", "1.0", "false", "No", "0", "off", "", "maybe"],
)
def test_booleans_are_taken_in_every_spelling(spelled):
    model = RandomModel(columns=("is it", "two")).predictor()
    given = {"is it": np.array([[spelled]], object), "two": np.array([["no way"]], object)}
    expected = model.probabilities(pl.DataFrame({"is it": [spelled], "two": ["no way"]}))
    np.testing.assert_allclose(answers_of(model, given)["probabilities"], expected, atol=1e-9)


def test_numbers_beyond_the_precision_of_a_float_keep_it():
    frame = pl.DataFrame({"serial": [16_777_216 + number for number in range(200)]})
    schema, frame = judge_columns(frame)
    model = RandomModel(columns=("flat",)).predictor()
    model = replace(model, schema=schema, encoder=Encoder.fit(frame, schema))
    given = {"serial": frame["serial"].cast(pl.Float64).to_numpy()[:, None]}
    expected = model.probabilities(frame)
    assert len(np.unique(expected[:, 0])) == 200
    np.testing.assert_allclose(answers_of(model, given)["probabilities"], expected, atol=1e-9)


def test_categories_that_are_large_numbers_are_taken_as_text():
    values = [2**60, 2**60 + 1, 2**60 + 2] * 20
    frame = pl.DataFrame({"account": values})
    schema, frame = judge_columns(frame, as_kind={"account": "categorical"})
    model = RandomModel(columns=("whole",)).predictor()
    encoder = Encoder.fit(frame, schema)
    model = replace(
        model, schema=schema, encoder=encoder,
        spec=replace(model.spec, num_inputs=3),
        parameters=RandomModel(columns=("five",)).predictor().parameters
        | {"linear_0.weight": np.eye(3, 7, dtype=np.float32)[None]},
    )  # fmt: skip
    given = {"account": np.array([[str(value)] for value in values], object)}
    np.testing.assert_allclose(
        answers_of(model, given)["probabilities"], model.probabilities(frame), atol=1e-9
    )


def test_a_column_without_any_category_is_missing_everywhere():
    model = RandomModel(columns=("size", "five"), one_hot_limit=0, shape={"embedding_limit": 0})
    model = model.predictor()
    (column,) = model.encoder.categories
    encoder = replace(model.encoder, categories=(replace(column, categories=()),))
    model = replace(model, encoder=encoder)
    given = {"size": np.array([[1.0], [2.0]]), "five": np.array([["é1"], [""]], object)}
    frame = pl.DataFrame({"size": [1.0, 2.0], "five": ["é1", None]})
    found = answers_of(model, given)["probabilities"]
    np.testing.assert_allclose(found, model.probabilities(frame), atol=1e-9)


@pytest.mark.parametrize(
    "clock",
    [
        "1970-01-01", "1969-12-31T23:59:59.999999", "2000-02-29", "1900-02-28T12:00", "2100-03-01",
        "2023-12-31T23:59:59", "2024-12-31", "1600-01-01", "0001-01-01", "9999-12-31T23:59:59",
    ],
)  # fmt: skip
def test_dates_become_the_numbers_that_the_encoder_makes_of_them(clock):
    graph = Graph(["days"])
    graph.add_input("days", onnx.TensorProto.DOUBLE, ["rows", 1])
    parts = graph.concat(date_parts(graph, "days", has_time=True), 1)
    graph.add_output(parts, "parts", onnx.TensorProto.DOUBLE, ["rows", 9])
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "g", graph.inputs, graph.outputs, graph.initializers),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
    )  # fmt: skip
    moment = datetime.fromisoformat(clock)
    days = np.array([[number_of(moment)], [np.nan], [np.inf], [-1e12]])
    (found,) = session_of(made.SerializeToString()).run(None, {"days": days})
    expected = parts_of(pl.Series([moment]), has_time=True).to_numpy()
    np.testing.assert_allclose(found[:1], expected, rtol=1e-12, atol=1e-9)
    assert np.isnan(found[1:]).all()


def test_a_column_may_be_called_as_an_output_or_a_value_in_between_is():
    model = RandomModel(columns=("size",)).predictor()
    for name in ("label", "probabilities", "MatMul_5", "constant_0", "ein Name\nmit Zeilen"):
        (column,) = model.encoder.numbers
        renamed = replace(
            model, encoder=replace(model.encoder, numbers=(replace(column, name=name),))
        )
        found = answers_of(renamed, {name: np.array([[3.0]])})
        expected = model.probabilities(pl.DataFrame({"size": [3.0]}))
        (probabilities,) = (value for value in found.values() if value.shape == (1, 3))
        np.testing.assert_allclose(probabilities, expected, atol=1e-9)


def test_the_file_says_what_it_is():
    model = RandomModel(columns=("size", "day", "two"), num_scores=(30,)).predictor()
    made = onnx.load_from_string(onnx_model(model, "cats", (0.9,)))
    told = {one.key: one.value for one in made.metadata_props}
    assert told["name"] == made.graph.name == "cats"
    assert told["task"] == "multiclass"
    assert json.loads(told["classes"]) == ["a", "b", "c"]
    assert json.loads(told["coverages"]) == [0.9]
    columns = {one["name"]: one for one in json.loads(told["columns"])}
    assert columns["day"]["value"].startswith("days since 1970-01-01 in UTC")
    assert columns["two"]["categories"] == ["no way", "of course"]
    assert {one.domain: one.version for one in made.opset_import} == {"": 18, "ai.onnx.ml": 3}
    assert set(json.loads(told["outputs"])) == {one.name for one in made.graph.output}
