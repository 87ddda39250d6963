"""Columns of many categories in recipes with one-hot columns: small, and as if they were dense."""

import numpy as np
import polars as pl
import pytest

from multilayer.columns import category_columns
from multilayer.columns.kinds import infer_schema
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows
from multilayer.metrics.importance import permutation_importance
from multilayer.model.model_file import load_model, load_predictor, save_model

NUM_ROWS = 300


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    source = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "first": [f"v{n}" for n in source.integers(0, 90, NUM_ROWS)],
            "size": source.normal(size=NUM_ROWS),
            "few": [f"k{n}" for n in source.integers(0, 3, NUM_ROWS)],
            # Half the rows have one value, so that its column has other quartiles.
            "second": [f"w{max(n, 0)}" for n in source.integers(-60, 90, NUM_ROWS)],
        }
    ).with_columns(size=pl.when(pl.col("size") > -1).then("size"))


def fitted(frame: pl.DataFrame, recipe: str) -> Fit:
    targets = np.arange(NUM_ROWS) % 2 ^ (frame["first"].str.len_chars().to_numpy() % 2)
    changes = {
        "max_epochs": 2,
        "hidden_widths": (6,),
        "validation_fraction": 0.3,
        "selection": "loss",
    }
    data = prepare(
        Rows(frame, targets), infer_schema(frame, categorical=("first", "second")),
        recipe_name=recipe, changes=changes,
    )  # fmt: skip
    fit = Fit(data)
    for _ in fit.epochs():
        pass
    return fit


@pytest.mark.filterwarnings("ignore:.*not in the training rows:multilayer.errors.DataWarning")
@pytest.mark.parametrize("recipe", ["fast", "chapter"])
def test_a_fit_is_what_it_is_with_dense_columns(frame, recipe, monkeypatch, tmp_path):
    looked_up = fitted(frame, recipe)
    assert looked_up.encoder.num_inputs > 100
    assert looked_up.encoder.encode(frame).shape[1] == looked_up.encoder.row_width == 7
    model = looked_up.model()
    importances = permutation_importance(model, frame, looked_up.rows.targets)
    save_model(model, tmp_path / "looked_up.safetensors")
    # A value that was never seen, and one that is missing.
    odd = frame.head(3).with_columns(first=pl.Series(["v1", "never seen", None]))
    answers = model.probabilities(odd)
    with monkeypatch.context() as patch:
        patch.setattr(category_columns, "_MOST_DENSE", 10**9)
        dense = fitted(frame, recipe)
        assert dense.encoder.encode(frame).shape[1] == dense.encoder.num_inputs
        np.testing.assert_allclose(dense.model().probabilities(odd), answers, atol=1e-6)
        for name in ("train_loss", "validation_loss"):
            np.testing.assert_allclose(
                *([line[name] for line in fit.history] for fit in (dense, looked_up)), atol=1e-6
            )
        others = permutation_importance(dense.model(), frame, dense.rows.targets)
        for mine, other in zip(importances, others, strict=True):
            assert mine.column == other.column
            assert mine.rise == pytest.approx(other.rise, abs=1e-6)
        save_model(dense.model(), tmp_path / "dense.safetensors")
    # The file is the same as if the columns were dense, and answers in either way.
    for path in tmp_path.iterdir():
        for load in (load_model, load_predictor):
            np.testing.assert_allclose(load(path).probabilities(odd), answers, atol=1e-6)


def test_scales_of_one_hot_columns_are_quantiles_of_what_stands_in_them(frame):
    encoder = fitted(frame, "fast").encoder
    block = encoder.one_hot_blocks[1]
    assert block.size == len(encoder.categories[-1].categories)
    place = encoder.categories[-1].categories.index("w0")
    values = (frame["second"] == "w0").to_numpy().astype(float)
    quartiles = np.quantile(values, (0.25, 0.5, 0.75))
    assert encoder.scaling.scale[block.place + place] == 1 / (quartiles[2] - quartiles[0])
    assert encoder.scaling.scale[block.place + 1] == 2
