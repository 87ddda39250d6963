"""scikit-learn's networks and its gradient boosting, each with its defaults."""

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tabular.frames import categorical_columns, numeric_columns, read

__all__ = ["METHODS", "read"]

MOST_CATEGORIES_OF_BOOSTING = 255


def raw_network(task: str, seed: int) -> BaseEstimator:
    """The network on the columns as they are: categories numbered, missing numbers the mean."""
    encoder = ColumnTransformer(
        [
            ("numeric", SimpleImputer(), numeric_columns),
            ("categorical", numbered(), categorical_columns),
        ]
    )
    return make_pipeline(encoder, network(task, seed))


def scaled_network(task: str, seed: int) -> BaseEstimator:
    """The network behind a standard scaler and a one-hot encoder."""
    encoder = ColumnTransformer(
        [
            (
                "numeric",
                make_pipeline(SimpleImputer(), StandardScaler()),
                numeric_columns,
            ),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), categorical_columns),
        ]
    )
    return make_pipeline(encoder, network(task, seed))


def boosting(task: str, seed: int) -> BaseEstimator:
    """Gradient boosting on columns of categories; what has too many for it becomes numbers."""
    encoder = ColumnTransformer(
        [("many categories", numbered(), columns_of_many_categories)],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return make_pipeline(encoder, kind(random_state=seed))


def columns_of_many_categories(features: pd.DataFrame) -> list[str]:
    """Names of the columns with more categories than gradient boosting takes."""
    return [
        name
        for name in categorical_columns(features)
        if len(features[name].cat.categories) > MOST_CATEGORIES_OF_BOOSTING
    ]


def network(task: str, seed: int) -> BaseEstimator:
    """The network alone."""
    kind = MLPRegressor if task == "regression" else MLPClassifier
    return kind(random_state=seed)


def numbered() -> OrdinalEncoder:
    """Categories as numbers, -1 for missing and unseen."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
    )


METHODS = {"mlp-raw": raw_network, "mlp": scaled_network, "hist-boosting": boosting}
