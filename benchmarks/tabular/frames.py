"""Reads a prepared table as pandas frames, for the methods that take these."""

from pathlib import Path

import numpy as np
import pandas as pd


def read(folder: Path, train: np.ndarray, test: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The features of the rows to train and to test on.

    Categories are those of the training rows; any other in the test rows reads as missing.
    """
    features = pd.read_parquet(folder / "features.parquet")
    train_features, test_features = features.iloc[train].copy(), features.iloc[test].copy()
    for column in categorical_columns(features):
        seen = train_features[column].cat.remove_unused_categories()
        train_features[column] = seen
        test_features[column] = test_features[column].cat.set_categories(seen.cat.categories)
    return train_features.reset_index(drop=True), test_features.reset_index(drop=True)


def categorical_columns(features: pd.DataFrame) -> list[str]:
    """Names of the columns of categories."""
    return [name for name in features if isinstance(features[name].dtype, pd.CategoricalDtype)]


def numeric_columns(features: pd.DataFrame) -> list[str]:
    """Names of the others."""
    categorical = set(categorical_columns(features))
    return [name for name in features if name not in categorical]
