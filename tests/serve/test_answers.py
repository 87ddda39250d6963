import io
import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from PIL import Image
from served_process import houses

from multilayer.cli.application import run
from multilayer.model.model_file import load_predictor
from multilayer.serve.answers import answer
from multilayer.serve.questions import rows_of_objects
from multilayer.serve.served_model import ServedModel


def predicted(models, name, frame, tmp_path, *flags) -> pl.DataFrame:
    """What `multilayer predict` answers."""
    frame.write_csv(tmp_path / "new.csv")
    arguments = ["predict", str(models / f"{name}.safetensors"), str(tmp_path / "new.csv")]
    assert run([*arguments, *flags, "-o", str(tmp_path / "answers.csv")]) == 0
    return pl.read_csv(tmp_path / "answers.csv")


@pytest.fixture(scope="module")
def new() -> pl.DataFrame:
    """Rows with gaps, spellings of missing values, and categories never seen."""
    frame = houses(150, seed=5)
    town = frame["town"].to_list()
    town[3], town[7], town[11] = "Paris", "NA", None
    garden = frame["garden"].to_list()
    garden[5] = "true"
    return frame.with_columns(town=pl.Series(town), garden=pl.Series(garden), id=pl.lit("x"))


@pytest.mark.parametrize("name", ["price", "kind"])
def test_csv_is_answered_as_multilayer_predict_does(served, models, new, tmp_path, name):
    flags = ["--interval", "0.9"] + ["--proba"] * (name == "kind")
    expected = predicted(models, name, new, tmp_path, *flags)
    query = "coverage=0.9" + "&probabilities=true" * (name == "kind")
    status, content, headers = served.ask(
        f"/predict/{name}?{query}", (tmp_path / "new.csv").read_bytes(), "text/csv"
    )
    assert status == 200, content
    assert content == (tmp_path / "answers.csv").read_text()
    assert len(pl.read_csv(io.StringIO(content))) == len(expected)
    notes = json.loads(headers["multilayer-notes"])
    assert any("not needed: id" in note for note in notes)
    assert any("'town' holds values that were not in the training rows in 1" in n for n in notes)


@pytest.mark.parametrize("name", ["price", "kind", "labels", "quantiles"])
def test_json_rows_get_the_numbers_of_multilayer_predict(served, models, new, tmp_path, name):
    flags = [] if name in ("price", "quantiles") else ["--proba"]
    expected = predicted(models, name, new, tmp_path, *flags)
    status, content, _ = served.ask(f"/predict/{name}", new.to_dicts())
    assert status == 200, content
    rows = content["predictions"]
    if name == "labels":
        first, second = rows[0]["prediction"]
        answers = [row["prediction"][first] for row in rows]
        assert answers == expected[f"predicted_{first}"].to_list()
        found = [row["probabilities"][second] for row in rows]
        np.testing.assert_allclose(found, expected[f"probability_{second}"], rtol=1e-12)
    elif name == "kind":
        assert [row["prediction"] for row in rows] == expected["predicted_target"].to_list()
        found = [row["probabilities"]["fair"] for row in rows]
        np.testing.assert_allclose(found, expected["probability_fair"], rtol=1e-12)
    else:
        column = "predicted_target"
        np.testing.assert_allclose(
            [row["prediction"] for row in rows], expected[column], rtol=1e-12
        )
    if name == "quantiles":
        found = [row["quantiles"]["0.9"] for row in rows]
        np.testing.assert_allclose(found, expected["predicted_target_quantile_0.9"], rtol=1e-12)


def test_one_object_gets_one_object(served):
    row = houses(1).to_dicts()[0]
    _, alone, _ = served.ask("/predict/kind?coverage=0.8&probabilities=false", row)
    _, listed, _ = served.ask("/predict/kind?coverage=0.8&probabilities=false", [row])
    assert alone["prediction"] == listed["predictions"][0]["prediction"]
    assert set(alone) == {"model", "version", "prediction", "set", "notes"}
    assert alone["prediction"] in alone["set"]


@pytest.mark.parametrize("name", ["price", "kind", "labels", "quantiles"])
def test_requests_answered_together_get_what_they_get_alone(models, new, name):
    served = ServedModel.load(name, models / f"{name}.safetensors")
    objects = new.to_dicts()
    bounds = [0, 1, 2, 5, 13, 40, 41, 150]
    parts = [objects[start:end] for start, end in pairwise(bounds)]
    parts[1][0]["size"] = "NA"  # a text among the numbers of others
    read = [rows_of_objects(served, part, 1000) for part in parts]
    together = answer(served, read, [None] * len(parts))
    for rows, found in zip(read, together, strict=True):
        [alone] = answer(served, [rows], [None])
        np.testing.assert_allclose(found.outputs, alone.outputs, rtol=1e-12, atol=1e-13)
        assert found.notes == alone.notes
        assert found.unseen.found == alone.unseen.found


def test_tensors_get_the_same_answers(served):
    frame = houses(20, seed=3)
    inputs = [
        {
            "name": series.name, "shape": [len(series)], "data": series.to_list(),
            "datatype": {pl.String: "BYTES", pl.Int64: "INT64"}.get(series.dtype, "FP32"),
        }
        for series in frame.iter_columns()
    ]  # fmt: skip
    body = {"id": "7", "inputs": inputs, "parameters": {"coverage": 0.9}}
    status, content, _ = served.ask("/v2/models/kind/infer", body)
    assert status == 200, content
    outputs = {one["name"]: one for one in content["outputs"]}
    _, plain, _ = served.ask("/predict/kind?coverage=0.9", frame.to_dicts())
    rows = plain["predictions"]
    assert outputs["prediction"]["data"] == [row["prediction"] for row in rows]
    assert outputs["probabilities"]["shape"] == outputs["set"]["shape"] == [20, 3]
    assert outputs["probabilities"]["data"][:3] == [*rows[0]["probabilities"].values()]
    assert (content["id"], content["model_name"]) == ("7", "kind")
    status, content, _ = served.ask(
        "/v2/models/price/infer", {**body, "outputs": [{"name": "low"}]}
    )
    assert [one["name"] for one in content["outputs"]] == ["low"]


def test_images_are_answered_in_every_form(served, models):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).astype(np.uint8)
    expected = load_predictor(models / "digits.safetensors").predict(images).tolist()
    status, content, _ = served.ask("/predict/digits", images.tolist())
    assert status == 200, content
    assert [row["prediction"] for row in content["predictions"]] == expected
    _, content, _ = served.ask("/predict/digits", images[0].tolist())
    assert content["prediction"] == expected[0]
    for datatype, data in (("UINT8", images), ("FP32", images.astype(float))):
        tensor = {"name": "image", "datatype": datatype, "shape": [3, 64]}
        body = {"inputs": [{**tensor, "data": data.reshape(3, 64).tolist()}]}
        _, content, _ = served.ask("/v2/models/digits/infer", body)
        assert content["outputs"][0]["data"] == expected
    file = io.BytesIO()
    Image.fromarray(images[1]).resize((16, 16), Image.Resampling.NEAREST).save(file, "PNG")
    _, content, _ = served.ask("/predict/digits?invert=false", file.getvalue(), "image/png")
    assert content["notes"][0] == "1 of 1 picture was resized to 8 x 8"


def test_an_explanation_says_against_what(served):
    row = {**houses(1).to_dicts()[0], "size": 300.0}
    status, content, _ = served.ask("/explain/price", row)
    assert status == 200, content
    _, plain, _ = served.ask("/predict/price", row)
    assert content["answer"] == pytest.approx(plain["prediction"], rel=1e-12)
    changes = {one["column"]: one for one in content["changes"]}
    assert set(changes) == set(row)
    against = changes["size"]["against"]
    assert against.startswith("the training median, ")
    _, other, _ = served.ask("/predict/price", {**row, "size": float(against.split()[-1])})
    assert changes["size"]["change"] == pytest.approx(plain["prediction"] - other["prediction"])
    assert changes["town"]["against"] == "the mean of its other choices"
    assert changes["sold"]["against"] == "a missing value"
    _, other, _ = served.ask("/predict/price", {**row, "garden": row["garden"] == "no"})
    assert changes["garden"]["change"] == pytest.approx(plain["prediction"] - other["prediction"])


def test_the_example_of_the_specification_is_answered(served):
    _, specification, _ = served.ask("/openapi.json")
    num_tried = 0
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            body = None
            if method == "post":
                body = operation["requestBody"]["content"]["application/json"]["example"]
                num_tried += 1
            status, content, _ = served.ask(path, body)
            assert status == 200, (path, content)
    assert num_tried == 5 + 5 + 4
