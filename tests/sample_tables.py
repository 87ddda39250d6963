from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import datasets

# A small network that learns enough in a second to be told from chance.
SMALL: dict[str, Any] = {
    "hidden_widths": (32,), "activation": "relu", "optimizer": "adam", "learning_rate": 0.01,
    "batch_size": 64, "max_epochs": 30, "selection": "loss", "validation_fraction": 0.2,
}  # fmt: skip


@pytest.fixture(scope="session")
def wine() -> tuple[pl.DataFrame, np.ndarray]:
    bunch = datasets.load_wine()
    names = [name.replace("/", "_") for name in bunch.feature_names]
    kinds = np.array(["red", "white", "pink"])[bunch.target]
    return pl.DataFrame(bunch.data, schema=names), kinds


@pytest.fixture(scope="session")
def diabetes() -> tuple[pl.DataFrame, np.ndarray]:
    bunch = datasets.load_diabetes()
    return pl.DataFrame(bunch.data, schema=bunch.feature_names), bunch.target


@pytest.fixture(scope="session")
def mixed() -> tuple[pl.DataFrame, np.ndarray]:
    """Numbers, text, booleans and dates, with gaps; the target depends on all of them."""
    generator = np.random.default_rng(0)
    num_rows = 600
    size = generator.normal(100, 30, num_rows)
    town = generator.choice(["Bern", "Oslo", "Rome"], num_rows)
    has_garden = generator.random(num_rows) < 0.5
    months = generator.integers(1, 13, num_rows)
    price = size * 3 + 100 * (town == "Oslo") + 80 * has_garden + 10 * months
    price += generator.normal(0, 10, num_rows)
    gaps = generator.random(num_rows) < 0.05
    frame = pl.DataFrame(
        {
            "size": [None if gap else value for gap, value in zip(gaps, size, strict=True)],
            "town": [None if gap else value for gap, value in zip(gaps[::-1], town, strict=True)],
            "garden": ["yes" if garden else "no" for garden in has_garden],
            "sold": [f"2024-{month:02d}-15" for month in months],
        }
    )
    return frame, price


@pytest.fixture
def settings() -> Callable[..., dict[str, Any]]:
    return lambda **changes: {**SMALL, **changes}


def problem_of(name, inputs, labels, num_classes):
    """A problem made of arrays, (num_rows, num_inputs) and (num_rows,)."""
    import torch

    from multilayer.engine.batches import Examples
    from multilayer.experiments.problem import ArrayProblem

    examples = Examples(torch.from_numpy(inputs), torch.from_numpy(labels))
    return ArrayProblem(name, examples, num_classes)
