"""Calibrated probabilities order rows as the outputs do, however rare a class is."""

import numpy as np
import polars as pl
import pytest

from multilayer.columns.kinds import infer_schema
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows


@pytest.fixture(scope="module")
def rare() -> tuple[pl.DataFrame, np.ndarray]:
    """3,000 rows, of which 27 are of the other class and nearly all can be told."""
    generator = np.random.default_rng(3)
    values = generator.normal(size=(3000, 4))
    score = values @ [2.0, 1.0, -1.0, 0.5]
    target = (score > np.sort(score)[-28]).astype(np.int64)
    frame = pl.DataFrame({f"x{number}": column for number, column in enumerate(values.T)})
    return frame, target


@pytest.mark.parametrize("recipe_name", ["default", "best"])
def test_a_rare_class_is_ranked_by_its_outputs(rare, recipe_name):
    frame, target = rare
    fit = Fit(
        prepare(
            Rows(frame, target), infer_schema(frame), recipe_name=recipe_name,
            changes={"max_epochs": 20},
        )
    )  # fmt: skip
    for _ in fit.epochs():
        pass
    model = fit.model()
    assert 0.3 < model.temperature < 3
    outputs = model.member_outputs(frame)
    margins = outputs[0, :, 1] - outputs[0, :, 0]
    of_first = model.member_probabilities(outputs)[0, :, 1]
    order = np.argsort(margins)
    steps, gaps = np.diff(of_first[order]), np.diff(margins[order])
    assert (steps >= 0).all()
    assert (steps[gaps > 0.01] == 0).mean() < 0.02  # far out float64 has no numbers left
    assert len(np.unique(of_first)) > 2900
