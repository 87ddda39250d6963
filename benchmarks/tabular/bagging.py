"""Eight models of a kind, each fitted on seven eighths of the rows, their answers averaged."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, StratifiedKFold

NUM_MODELS = 8

Make = Callable[[str, int], BaseEstimator]


class Bag:
    """A bag as an estimator.

    Args:
        make: makes a model for a task and a seed.
        task: "binary", "multiclass" or "regression".
        seed: of the split; the models' are it and those after it.
    """

    def __init__(self, make: Make, task: str, seed: int) -> None:
        self._make, self._task, self._seed = make, task, seed

    def fit(self, features: pd.DataFrame, target: np.ndarray) -> None:
        """Fit all models."""
        kind = KFold if self._task == "regression" else StratifiedKFold
        parts = kind(NUM_MODELS, shuffle=True, random_state=self._seed).split(features, target)
        self._models = []
        for number, (rows, _) in enumerate(parts):
            model = self._make(self._task, self._seed + number)
            model.fit(features.iloc[rows], target[rows])
            self._models.append(model)

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """The mean of the models' numbers."""
        return np.mean([model.predict(features) for model in self._models], axis=0)

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        """The mean of the models' probabilities."""
        return np.mean([model.predict_proba(features) for model in self._models], axis=0)


def bag_of(make: Make) -> Callable[[str, int], Bag]:
    """A method that bags another."""
    return partial(Bag, make)
