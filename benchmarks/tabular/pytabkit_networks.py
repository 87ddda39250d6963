"""pytabkit's RealMLP-TD and TabM with their defaults, alone and in bags.

They take no missing numbers: these become the mean, and an indicator column is added. Both select
an epoch by cross entropy, and RealMLP-TD does not smooth labels, as pytabkit's documentation asks
where the AUC or the log loss counts; by the accuracy, TabM stops at the commonest class where the
other is rare.
"""

import logging
import os
import warnings

from pytabkit import (
    RealMLP_TD_Classifier,
    RealMLP_TD_Regressor,
    TabM_D_Classifier,
    TabM_D_Regressor,
)
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from tabular.frames import numeric_columns, read

__all__ = ["METHODS", "read"]

NUM_MODELS_OF_BAG = 8
# It sets PyTorch's threads to the machine's cores, whatever the environment says.
NUM_THREADS = int(os.environ.get("OMP_NUM_THREADS", "0")) or None

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def real_mlp(task: str, seed: int, num_models: int = 1) -> BaseEstimator:
    """RealMLP-TD."""
    options = {
        "device": "cpu",
        "random_state": seed,
        "n_cv": num_models,
        "n_threads": NUM_THREADS,
    }
    if task == "regression":
        model = RealMLP_TD_Regressor(**options)
    else:
        model = RealMLP_TD_Classifier(**options, val_metric_name="cross_entropy", use_ls=False)
    return without_missing_numbers(model)


def tab_m(task: str, seed: int) -> BaseEstimator:
    """TabM."""
    options = {"device": "cpu", "random_state": seed, "n_threads": NUM_THREADS}
    if task == "regression":
        model = TabM_D_Regressor(**options)
    else:
        model = TabM_D_Classifier(**options, val_metric_name="cross_entropy")
    return without_missing_numbers(model)


def bag_of_real_mlp(task: str, seed: int) -> BaseEstimator:
    """Eight RealMLP-TD, trained on eight folds as pytabkit does that."""
    return real_mlp(task, seed, NUM_MODELS_OF_BAG)


def without_missing_numbers(model: BaseEstimator) -> BaseEstimator:
    """A model behind an imputer."""
    imputer = SimpleImputer(add_indicator=True, keep_empty_features=True)
    encoder = ColumnTransformer(
        [("numeric", imputer, numeric_columns)],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(encoder, model)


METHODS = {"realmlp": real_mlp, "tabm": tab_m, "realmlp-eight": bag_of_real_mlp}
