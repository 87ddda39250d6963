"""The recipes of this project for tables."""

from pathlib import Path
from typing import Any

import numpy as np
import polars

from multilayer import MLPClassifier, MLPRegressor


def read(
    folder: Path, train: np.ndarray, test: np.ndarray
) -> tuple[polars.DataFrame, polars.DataFrame]:
    """The features of the rows to train and to test on."""
    features = polars.read_parquet(folder / "features.parquet")
    return features[train], features[test]


def method(**options: Any) -> Any:
    """What makes an estimator with options."""

    def make(task: str, seed: int) -> Any:
        kind = MLPRegressor if task == "regression" else MLPClassifier
        return kind(random_state=seed, **options)

    return make


TIMES = ("1m", "5m", "15m")
METHODS = {
    **{recipe: method(recipe=recipe) for recipe in ("fast", "default", "best", "pack")},
    **{f"pack-{limit}": method(time_limit=limit) for limit in TIMES},
}
