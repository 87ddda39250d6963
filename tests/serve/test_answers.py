import io
import json
import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from PIL import Image
from served_process import houses

from multilayer import MLPRegressor
from multilayer.cli.application import run
from multilayer.errors import TableError
from multilayer.model.model_file import load_predictor
from multilayer.runs.table_predictions import TablePredictions
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


@pytest.mark.parametrize("name", ["price", "kind", "labels", "quantiles", "both"])
def test_json_rows_get_the_numbers_of_multilayer_predict(served, models, new, tmp_path, name):
    flags = ["--proba"] if name in ("kind", "labels") else ["--interval", "0.8"]
    expected = predicted(models, name, new, tmp_path, *flags)
    query = "" if flags == ["--proba"] else "?coverage=0.8"
    status, content, _ = served.ask(f"/predict/{name}{query}", new.to_dicts())
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
    elif name == "both":
        for target in rows[0]["prediction"]:
            found = [[row["prediction"][target], *row["interval"][target]] for row in rows]
            columns = [f"predicted_{target}{end}" for end in ("", "_low", "_high")]
            np.testing.assert_allclose(found, expected[columns].to_numpy(), rtol=1e-12)
    else:
        found = [[row["prediction"], *row["interval"]] for row in rows]
        columns = [f"predicted_target{end}" for end in ("", "_low", "_high")]
        np.testing.assert_allclose(found, expected[columns].to_numpy(), rtol=1e-12)
    if name == "quantiles":
        found = [row["quantiles"]["0.9"] for row in rows]
        np.testing.assert_allclose(found, expected["predicted_target_quantile_0.9"], rtol=1e-12)


POOLS = {
    "size": [1, 2.5, -3e5, "12.5", " 7 ", "NA", "", None, True, "big"],
    "age": [30, 0, None, "41", 3.0, "-"],
    "rent": ["$1,200.50", None, 1200.5, "900", "$12"],
    "town": ["Bern", "Oslo", "Rome", None, "none", 7, "Paris", " Oslo "],
    "street": ["s1", "s29", "s30", None, 3],
    "garden": ["yes", "no", True, False, 1, "off", None, "perhaps"],
    "sold": ["2024-02-01", None, "NA", "2023-12-31"],
}


def test_random_rows_are_read_as_from_a_file(models, tmp_path):
    """Answers, or the place and reason of the refusal, are those of a file of JSON lines."""
    served = ServedModel.load("price", models / "price.safetensors")
    generator = random.Random(0)
    num_refused = 0
    for _ in range(60):
        # A wrong value in some of the tables only.
        pools = {name: pool[: generator.choice([None, -1])] for name, pool in POOLS.items()}
        rows = [
            {name: generator.choice(pool) for name, pool in pools.items()}
            for _ in range(generator.randrange(1, 6))
        ]
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        refusals, found = [], []
        try:
            [piece] = TablePredictions(served.model, path).pieces()
            found.append(piece["predicted_target"].to_list())
        except TableError as error:
            refusals.append(str(error).replace(str(path), "the request"))
        try:
            [answered] = answer(served, [rows_of_objects(served, rows, 100)], [None])
            found.append(answered.mean[:, 0].tolist())
        except TableError as error:
            refusals.append(str(error))
        assert len(found) in (0, 2), (rows, refusals)
        if found:
            np.testing.assert_allclose(*found, rtol=1e-12)
        else:
            num_refused += 1
            assert refusals[0] == refusals[1]
    assert 5 < num_refused < 55


def test_a_number_is_a_number_however_the_training_rows_wrote_theirs(tmp_path):
    generator = np.random.default_rng(0)
    sizes = generator.normal(5, 2, 200).round(3)
    frame = pl.DataFrame({"size": [f"{size:.3f}".replace(".", ",") for size in sizes]})
    MLPRegressor("fast", max_iter=3, random_state=0).fit(frame, sizes * 10).save(tmp_path / "m")
    served = ServedModel.load("m", tmp_path / "m")
    requests = [[4.125], ["4,125"], [None, 4.125], ["7,5", 4.125], [3], [4.125, "7,5"]]
    parts = [rows_of_objects(served, [{"size": one} for one in ask], 9) for ask in requests]
    alone = [answer(served, [rows], [None])[0].mean[:, 0] for rows in parts]
    assert len({float(np.round(found, 9)) for found in (
        alone[0][0], alone[1][0], alone[2][1], alone[3][1], alone[5][0])}) == 1  # fmt: skip
    assert alone[4][0] != alone[0][0]
    as_numbers = [parts[place] for place in (0, 2, 4)]
    for found, rows in zip(answer(served, as_numbers, [None] * 3), as_numbers, strict=True):
        np.testing.assert_allclose(found.mean, answer(served, [rows], [None])[0].mean, rtol=1e-12)
    with pytest.raises(TableError, match="row 1 of column 'size' of the request"):
        answer(served, [rows_of_objects(served, [{"size": "4.125"}], 9)], [None])


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
    assert num_tried == 6 + 6 + 5
