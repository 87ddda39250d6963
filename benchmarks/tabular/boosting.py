"""LightGBM, XGBoost and CatBoost with their defaults, alone and in bags."""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.base import BaseEstimator

from tabular.bagging import bag_of
from tabular.frames import categorical_columns, read

__all__ = ["METHODS", "read"]


def light_boosting(task: str, seed: int) -> BaseEstimator:
    """LightGBM, which takes columns of categories as they are."""
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    return kind(random_state=seed, verbosity=-1)


def extreme_boosting(task: str, seed: int) -> BaseEstimator:
    """XGBoost, told to take columns of categories as they are."""
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    return kind(random_state=seed, enable_categorical=True)


class CatBoost:
    """CatBoost, which wants categories as text, and a word for a missing one."""

    def __init__(self, task: str, seed: int) -> None:
        kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
        self._model = kind(random_seed=seed, verbose=False, allow_writing_files=False)

    def fit(self, features: pd.DataFrame, target: np.ndarray) -> None:
        """Fit it."""
        self._model.fit(with_texts(features), target, cat_features=categorical_columns(features))

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Numbers."""
        return self._model.predict(with_texts(features))

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        """Probabilities."""
        return self._model.predict_proba(with_texts(features))


def with_texts(features: pd.DataFrame) -> pd.DataFrame:
    """The same with categories as text."""
    texts = {
        name: features[name].astype(object).fillna("missing")
        for name in categorical_columns(features)
    }
    return features.assign(**texts)


_MODELS = {"lightgbm": light_boosting, "xgboost": extreme_boosting, "catboost": CatBoost}
METHODS = {**_MODELS, **{f"{name}-eight": bag_of(make) for name, make in _MODELS.items()}}
