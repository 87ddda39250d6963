"""The program that needs NumPy alone answers as the predictor does."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import ACTIVATIONS, RandomModel, drawn_models, rows, tolerance_for

from multilayer.export.exporting import export_model
from multilayer.model.model_file import save_model
from multilayer.model.predictor import Predictor

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
pytestmark = pytest.mark.filterwarnings("ignore:column .* holds categories that were not")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    def make() -> Path:
        return tmp_path_factory.mktemp("program") / "np"

    return make


def program_of(model: Predictor, folder: Path) -> Any:
    export_model(model, folder, "numpy")
    spec = importlib.util.spec_from_file_location("answer", folder / "answer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def columns_of(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """The raw columns, but for numbers that are written with signs."""
    columns = frame.to_dict(as_series=False)
    columns["price"] = [
        None if text is None else float(text.replace("$", "").replace(",", ""))
        for text in columns["price"]
    ]
    return columns


def check(model: Predictor, program: Any, given: Any, frame: Any) -> None:
    found = program.answers(given)
    near = dict.fromkeys(("rtol", "atol"), tolerance_for(model))
    if model.targets.task == "regression":
        np.testing.assert_allclose(found["prediction"], model.numbers(frame), **near)
        if model.targets.scale.quantiles:
            np.testing.assert_allclose(found["quantiles"], model.quantiles(frame), **near)
        if model.conformal is not None:
            for end, expected in zip(
                program.intervals(given, 0.8), model.intervals(frame, 0.8), strict=True
            ):
                np.testing.assert_allclose(end, expected, **near)
        return
    np.testing.assert_allclose(found["probabilities"], model.probabilities(frame), **near)
    if model.targets.task == "multilabel":
        assert (found["labels"] != model.predict(frame)).sum() == 0
    elif len(frame):
        ordered = np.sort(model.probabilities(frame), axis=1)
        is_clear = ordered[:, -1] - ordered[:, -2] > near["atol"]
        assert list(found["label"][is_clear]) == list(model.predict(frame)[is_clear])
        if model.conformal is not None:
            assert (program.sets(given, 0.8) != model.sets(frame, 0.8)).sum() <= 1


@settings(max_examples=25)
@given(drawn_models, st.integers(0, 40), st.integers(0, 2**30))
def test_it_answers_as_the_predictor_does_whatever_it_is_made_of(folders, drawn, num_rows, seed):
    drawn.num_scores = (30,) if seed % 2 else (25,) * drawn.num_members
    frame = rows(np.random.default_rng(seed), num_rows, is_new=True)
    model = drawn.predictor()
    check(model, program_of(model, folders()), columns_of(frame), frame)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_labels_images_as_the_predictor_does(tmp_path, activation):
    model = RandomModel(
        columns=(), num_members=2, num_populations=2, num_scores=(30, 30),
        classes=("cat", "dog", "eel"), shape={"activation": activation},
    ).predictor()  # fmt: skip
    images = np.random.default_rng(1).integers(0, 256, (30, 4, 3), dtype=np.uint8)
    check(model, program_of(model, tmp_path / "np"), images, images)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("two", " no way "), ("two", "N/A"), ("digit", "3.0"), ("digit", 3.0), ("digit", True),
        ("half", "1.50"), ("is it", "Yes"), ("is it", 1), ("is it", "0.0"), ("whole", " 7 "),
        ("whole", "none"), ("whole", True), ("five", "é1"), ("two", ""),
    ],
)  # fmt: skip
def test_values_are_read_as_the_predictor_reads_them(tmp_path, name, value):
    model = RandomModel().predictor()
    frame = rows(np.random.default_rng(3), 1)
    expected = model.probabilities(frame.with_columns(pl.Series(name, [value])))
    given = columns_of(frame) | {name: [value]}
    found = program_of(model, tmp_path / "np").answers(given)
    np.testing.assert_allclose(found["probabilities"], expected, **CLOSE)


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-29", " 2024-02-29 ", "NA", "", "1999-12-31T23:59:30", "2024-01-01 12:00+02:00",
        None, date(2024, 2, 29), datetime(2024, 2, 29, 13, 30), 19782, 19782.5, float("nan"),
        "Unknown",
    ],
)  # fmt: skip
def test_dates_are_taken_in_many_forms(tmp_path, value):
    model = RandomModel(columns=("size", "moment"), missing=("unknown",)).predictor()
    moment = None if value != value else value
    if isinstance(moment, int | float):
        moment = datetime(1970, 1, 1) + timedelta(moment)
    frame = pl.DataFrame({"size": [1.0], "moment": [moment]}, strict=False)
    found = program_of(model, tmp_path / "np").answers({"size": [1.0], "moment": [value]})
    np.testing.assert_allclose(found["probabilities"], model.probabilities(frame), **CLOSE)


@pytest.mark.parametrize(
    "classes", [(3, 5, 7), (2.5, 3.5, 4.5), ("a", "b", "ü"), (1, "b", 2.5), (-1, 2**63, 2**70)]
)
def test_labels_are_the_classes(tmp_path, classes):
    model = RandomModel(columns=("size",), classes=classes).predictor()
    size = np.linspace(-100, 300, 50)
    found = program_of(model, tmp_path / "np").answers({"size": size})["label"]
    expected = model.predict(pl.DataFrame({"size": size}))
    assert found.tolist() == expected.tolist()
    assert found.dtype.kind == expected.dtype.kind


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_columns_may_be_arrays(tmp_path, dtype):
    model = RandomModel(columns=("size", "half", "two", "day")).predictor()
    half = np.array([0.5, np.nan, 2.5, np.nan, 7.0], dtype)
    days = np.array(["2024-02-29", "NaT", "1969-12-31", "2000-01-01", "NaT"], "datetime64[D]")
    given = {
        "size": np.array([1, 2, np.nan, 4, 5], dtype), "half": half, "day": days,
        "two": np.array(["no way", "of course", "", "x", "no way"]),
    }  # fmt: skip
    frame = pl.DataFrame({**given, "size": given["size"].astype(float), "half": half.astype(float)})
    found = program_of(model, tmp_path / "np").answers(given)
    np.testing.assert_allclose(found["probabilities"], model.probabilities(frame), **CLOSE)


def test_numbers_match_text_that_spells_them(tmp_path):
    model = RandomModel(columns=("two",)).predictor()
    (column,) = model.encoder.categories
    renamed = replace(column, categories=("007", "8"))
    model = replace(model, encoder=replace(model.encoder, categories=(renamed,)))
    program = program_of(model, tmp_path / "np")
    found = program.answers({"two": [7, 8.0, 9]})["probabilities"]
    np.testing.assert_allclose(found, model.probabilities(pl.DataFrame({"two": [7, 8, 9]})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": ["$1,200.5"]}, "column 'price' takes numbers, not '\\$1,200.5'; convert"),
        ({"whole": ["many"]}, "column 'whole' takes numbers, not 'many'"),
        ({"day": ["31.01.2024"]}, "column 'day' takes dates, not '31.01.2024'; use datetime.date"),
        ({"day": [True]}, "column 'day' takes dates, not True"),
        ({"size": [1.0, 2.0]}, "columns are of different lengths"),
    ],
)
def test_values_that_it_cannot_read_are_refused(tmp_path, change, message):
    model = RandomModel(columns=("size", "whole", "price", "day")).predictor()
    program = program_of(model, tmp_path / "np")
    given = {
        name: values[:1] for name, values in columns_of(rows(np.random.default_rng(3), 1)).items()
    }
    with pytest.raises(ValueError, match=message):
        program.answers(given | change)
    with pytest.raises(ValueError, match="columns are missing: size, price"):
        program.answers({"whole": [1], "day": [None]})


def test_unseen_categories_are_warned_of(tmp_path):
    program = program_of(RandomModel(columns=("two",)).predictor(), tmp_path / "np")
    with pytest.warns(UserWarning, match="column 'two' holds .* for example 'never'"):
        program.answers({"two": ["no way", "never", None, "never ever"]})


def test_it_runs_in_an_interpreter_that_has_numpy_alone(tmp_path):
    model = RandomModel(columns=("size", "two", "moment")).predictor()
    save_model(model, tmp_path / "cats.safetensors")
    export_model(tmp_path / "cats.safetensors", tmp_path / "np", "numpy")
    frame = rows(np.random.default_rng(3), 20).select("size", "two")
    frame = frame.with_columns(moment=pl.lit(None, pl.Datetime))
    (tmp_path / "rows.json").write_text(json.dumps(frame.to_dict(as_series=False)))
    program = """
import json, sys
from pathlib import Path
sys.path.insert(0, "np")
import answer
found = answer.load().answers(json.loads(Path("rows.json").read_text()))
others = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(json.dumps([found["probabilities"].tolist(), sorted(others)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    probabilities, others = json.loads(done.stdout)
    np.testing.assert_allclose(probabilities, model.probabilities(frame), **CLOSE)
    assert not {"multilayer", "torch", "polars", "scipy"} & set(others)
