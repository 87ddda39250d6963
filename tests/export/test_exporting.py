"""`multilayer export` and `export_model`, with trained models and with what people type wrong."""

import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from onnx_sessions import answers_of_file, session_of
from random_models import RandomModel

from multilayer import DataWarning, MLPClassifier, MLPRegressor, export_model, load_model
from multilayer.cli.application import run
from multilayer.errors import (
    DataError,
    MissingExtraError,
    ModelFileError,
    OutputError,
    SettingsError,
)
from multilayer.model.model_file import load_predictor, save_model

QUICK = {"max_iter": 3, "random_state": 0, "settings": {"num_threads": 1}}
# The notes on what a program takes are looked at by tests of their own.
pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "size": generator.normal(100, 30, 300),
            "age": generator.integers(0, 90, 300),
            "town": generator.choice(["Bern", "Oslo", "Rome"], 300),
            "street": generator.choice([f"s{number}" for number in range(40)], 300),
        }
    ).with_columns(size=pl.when(pl.col("age") > 80).then(None).otherwise(pl.col("size")))


@pytest.fixture(scope="module")
def prices(frame):
    return frame["age"].to_numpy() * 3.0 + (frame["town"] == "Oslo").to_numpy() * 50


@pytest.fixture
def model_path(tmp_path):
    path = tmp_path / "cats.safetensors"
    save_model(RandomModel(columns=("size", "day", "two"), num_scores=(5,)).predictor(), path)
    return path


@pytest.mark.parametrize("recipe", ["default", "best"])
def test_a_trained_regression_is_exported_with_its_intervals(frame, prices, tmp_path, recipe):
    regressor = MLPRegressor(recipe, hidden_layer_sizes=(16, 8), **QUICK).fit(frame, prices)
    written = export_model(regressor, tmp_path / "prices.onnx", coverages=(0.5, 0.9))
    assert written == [tmp_path / "prices.onnx"]
    found = answers_of_file(written[0], frame)
    np.testing.assert_allclose(found["prediction"][:, 0], regressor.predict(frame), rtol=1e-6)
    for coverage in (0.5, 0.9):
        low, high = regressor.model_.intervals(frame, coverage)
        np.testing.assert_allclose(found[f"lower_{coverage:g}"], low, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(found[f"upper_{coverage:g}"], high, rtol=1e-5, atol=1e-4)


def test_a_pack_is_exported_as_the_mixture_that_it_is(frame, prices, tmp_path):
    settings = {"num_draws": 2, "num_threads": 1}
    pack = MLPClassifier("pack", max_iter=2, random_state=0, settings=settings)
    kinds = np.where(prices > 150, "dear", "cheap")
    pack.fit(frame, kinds).save(tmp_path / "pack.safetensors")
    export_model(tmp_path / "pack.safetensors", tmp_path / "pack.onnx")
    found = answers_of_file(tmp_path / "pack.onnx", frame)
    predictor = load_predictor(tmp_path / "pack.safetensors")
    np.testing.assert_allclose(found["probabilities"], predictor.probabilities(frame), atol=1e-6)
    assert list(found["label"]) == list(pack.predict(frame))


def test_a_model_in_pytorch_is_exported_like_its_file(model_path, tmp_path):
    export_model(load_model(model_path), tmp_path / "one.onnx")
    export_model(model_path, tmp_path / "two.onnx")
    one, two = (onnx.load(tmp_path / name) for name in ("one.onnx", "two.onnx"))
    assert one.graph.node == two.graph.node
    assert two.graph.name == "cats"
    told = {one.key: one.value for one in two.metadata_props}
    assert told["version"] == sha256(model_path.read_bytes()).hexdigest()[:12]


def test_the_form_in_which_columns_are_taken_is_noted(tmp_path):
    model = RandomModel(columns=("price", "day", "two", "five", "digit")).predictor()
    with pytest.warns(DataWarning) as caught:
        export_model(model, tmp_path / "m.onnx")
    notes = [str(one.message) for one in caught]
    assert notes[0].startswith("column 'day' holds dates: the program takes days since 1970-01-01")
    assert notes[1].startswith("column 'price' holds numbers written with signs or units")
    assert notes[2].startswith(
        "columns 'two', 'five' hold categories: the program takes their text"
    )
    assert notes[3].startswith("column 'digit' holds categories that are numbers")


def test_too_few_held_out_rows_leave_intervals_out_or_are_an_error(tmp_path):
    model = RandomModel(task="numbers", columns=("size",), num_scores=(5,)).predictor()
    with pytest.warns(DataWarning, match="no intervals: .* needs at least 9 held-out rows"):
        export_model(model, tmp_path / "m.onnx")
    names = [one.name for one in session_of((tmp_path / "m.onnx").read_bytes()).get_outputs()]
    assert names == ["prediction"]
    with pytest.raises(DataError, match="coverage 0.95 needs at least 19 held-out rows"):
        export_model(model, tmp_path / "m.onnx", coverages=(0.95,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "onxx"}, "to must be one of onnx, torch, numpy; it is 'onxx'; did you mean 'onnx'"),
        ({"to": None}, "to must be one of onnx, torch, numpy; it is None"),
        ({"coverages": (1.5,)}, "coverage must be a number between 0 and 1; it is 1.5"),
        ({"to": "numpy", "coverages": (0.9,)}, "coverage is chosen for the form 'onnx' alone"),
    ],
)
def test_wrong_arguments_are_refused(model_path, tmp_path, arguments, message):
    with pytest.raises(SettingsError, match=message):
        export_model(model_path, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_coverages_need_a_model_that_has_them(tmp_path):
    labels = RandomModel(task="labels", columns=("size",)).predictor()
    with pytest.raises(SettingsError, match="this model predicts labels"):
        export_model(labels, tmp_path / "m.onnx", coverages=(0.9,))
    none = RandomModel(columns=("size",)).predictor()
    with pytest.raises(DataError, match="fitted without held-out rows"):
        export_model(none, tmp_path / "m.onnx", coverages=(0.9,))


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ModelFileError):
        export_model(tmp_path / "t.csv", tmp_path / "m.onnx")
    with pytest.raises(SettingsError, match="this MLPClassifier is not fitted; call its fit first"):
        export_model(MLPClassifier(), tmp_path / "m.onnx")
    with pytest.raises(SettingsError, match="it is int"):
        export_model(3, tmp_path / "m.onnx")


def test_what_is_there_is_not_lost(model_path, tmp_path):
    with pytest.raises(OutputError, match="is .* itself, which is read"):
        export_model(model_path, model_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        export_model(model_path, tmp_path / "folder")
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    for form in ("numpy", "torch"):
        with pytest.raises(
            OutputError, match=r"folder is not empty; name another one \(--output\)"
        ):
            export_model(model_path, tmp_path / "folder", form)
        with pytest.raises(OutputError, match="cannot write"):
            export_model(model_path, tmp_path / "folder" / "notes.txt", form)
    assert (tmp_path / "folder" / "notes.txt").read_text() == "mine"


def test_a_folder_is_not_called_as_a_file_is(model_path, tmp_path):
    for name in ("m.onnx", "m.PT"):
        with pytest.raises(OutputError, match=r"would be a folder.*name one without \.\w+ \(--out"):
            export_model(model_path, tmp_path / name, "torch")


def test_networks_too_large_for_the_format_are_refused(model_path, tmp_path, monkeypatch):
    monkeypatch.setattr("multilayer.export.onnx_model._MOST_BYTES", 100)
    with pytest.raises(OutputError, match="GB of parameters, and a file of ONNX at most 2 GB"):
        export_model(model_path, tmp_path / "m.onnx")


def test_a_coverage_may_be_a_number(model_path, tmp_path):
    export_model(model_path, tmp_path / "m.onnx", coverages=0.75)
    assert "set_0.75" in [one.name for one in onnx.load(tmp_path / "m.onnx").graph.output]


def test_a_missing_package_is_named(model_path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'pip install "multilayer\[onnx\]"'):
        export_model(model_path, tmp_path / "m.onnx")


def test_a_column_without_a_name_is_refused(tmp_path):
    model = RandomModel(columns=("flat",)).predictor()
    (column,) = model.encoder.numbers
    encoder = replace(model.encoder, numbers=(replace(column, name=""),))
    with pytest.raises(DataError, match="a column is called '', and ONNX needs a name"):
        export_model(replace(model, encoder=encoder), tmp_path / "m.onnx")


def test_the_command_writes_the_file_and_says_so(model_path, tmp_path, capsys):
    out = tmp_path / "m.onnx"
    assert (
        run(["export", str(model_path), "--to", "onnx", "-o", str(out), "--interval", "0.6"]) == 0
    )
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert "note: column 'day' holds dates" in said.err
    assert "set_0.6" in [one.name for one in onnx.load(out).graph.output]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--to", "onyx"], "--to must be one of onnx, torch, numpy; it is 'onyx'; did you mean"),
        (["--to", "onnx", "--interval", "90"], "--interval must be a number between 0 and 1"),
        (["--to", "torch", "--interval", "0.9"], "--interval is chosen for the form 'onnx' alone"),
    ],
)
def test_the_command_refuses_in_one_line(model_path, tmp_path, capsys, given, message):
    assert run(["export", str(model_path), "-o", str(tmp_path / "out"), *given]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_the_command_refuses_a_folder_without_a_model(tmp_path, capsys):
    assert run(["export", str(tmp_path), "--to", "onnx", "-o", str(tmp_path / "m.onnx")]) == 2
    assert "is not a finished run" in capsys.readouterr().err


FORMATS = Path(__file__).parents[1] / "model" / "formats"


@pytest.mark.parametrize("path", sorted(FORMATS.iterdir()), ids=lambda path: path.stem)
def test_files_of_earlier_versions_are_exported(path, tmp_path):
    for form in ("onnx", "numpy", "torch"):
        export_model(path, tmp_path / form, form)
    model = load_predictor(path)
    if model.image_shape is None:
        return
    images = np.random.default_rng(0).integers(0, 256, (5, *model.image_shape), dtype=np.uint8)
    (_, probabilities) = session_of((tmp_path / "onnx").read_bytes()).run(None, {"images": images})
    np.testing.assert_allclose(probabilities, model.probabilities(images), atol=1e-5)
