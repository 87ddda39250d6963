import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from multilayer import MLPClassifier, MLPRegressor
from multilayer.errors import ModelFileError
from multilayer.model.model_file import load_model, load_predictor

QUICK = {"max_iter": 4, "random_state": 0, "settings": {"num_threads": 1}}


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "size": generator.normal(100, 30, 1100),
            "age": generator.integers(0, 90, 1100),
            "town": generator.choice(["Bern", "Oslo", "Rome"], 1100),
            "street": generator.choice([f"s{number}" for number in range(40)], 1100),
        }
    ).with_columns(size=pl.when(pl.col("age") > 80).then(None).otherwise(pl.col("size")))


@pytest.mark.parametrize("recipe", ["fast", "default", "best", "chapter"])
@pytest.mark.parametrize("task", ["numbers", "classes", "rates", "quantiles"])
def test_it_answers_as_the_model_in_pytorch_does(frame, tmp_path, recipe, task):
    prices = frame["age"].to_numpy() * 3.0 + (frame["town"] == "Oslo").to_numpy() * 50
    if task == "classes":
        estimator = MLPClassifier(recipe, hidden_layer_sizes=(16, 8), **QUICK)
        estimator.fit(frame, np.where(prices > 150, "dear", "cheap"))
    else:
        loss = {"numbers": None, "rates": "poisson", "quantiles": "quantile"}[task]
        levels = (0.1, 0.5, 0.9) if task == "quantiles" else None
        estimator = MLPRegressor(
            recipe, hidden_layer_sizes=(16, 8), loss=loss, quantiles=levels, **QUICK
        ).fit(frame, prices)
    path = tmp_path / "model.safetensors"
    estimator.save(path)
    model, predictor = load_model(path), load_predictor(path)
    expected, outputs = model.member_outputs(frame), predictor.member_outputs(frame)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)
    alone = np.concatenate([predictor.member_outputs(frame[row]) for row in range(9)], axis=1)
    np.testing.assert_allclose(alone, outputs[:, :9], rtol=0, atol=1e-12)
    if task == "classes":
        np.testing.assert_allclose(
            predictor.probabilities(frame), model.probabilities(frame), atol=1e-6
        )
        if model.conformal is not None:
            np.testing.assert_array_equal(predictor.sets(frame), model.sets(frame))
        return
    np.testing.assert_allclose(predictor.predict(frame), model.predict(frame), rtol=1e-6)
    if model.conformal is not None:
        np.testing.assert_allclose(predictor.intervals(frame), model.intervals(frame), atol=1e-4)


def test_predicting_on_the_command_line_loads_no_pytorch(frame, tmp_path):
    prices = frame["age"].to_numpy() * 3.0
    MLPRegressor(hidden_layer_sizes=(8,), **QUICK).fit(frame, prices).save(tmp_path / "model")
    frame.write_csv(tmp_path / "new.csv")
    program = (
        "import json, sys\n"
        "from multilayer.cli.application import run\n"
        f"code = run(['predict', {str(tmp_path / 'model')!r}, {str(tmp_path / 'new.csv')!r},"
        f" '--interval', '0.9', '-o', {str(tmp_path / 'out.csv')!r}])\n"
        "print(json.dumps([code, 'torch' in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == [0, False]
    answered = pl.read_csv(tmp_path / "out.csv")
    model = load_model(tmp_path / "model")
    np.testing.assert_allclose(answered["predicted_target"], model.predict(frame), rtol=1e-6)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "model").write_bytes(b"nothing")
    with pytest.raises(ModelFileError):
        load_predictor(tmp_path / "model")
