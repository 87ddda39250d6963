"""The names of the book's chapters 3 to 5, with the book's behaviour.

Read the modules in the book's order: hyperparameters, board, module, data_module, trainer,
linear_regression, softmax_regression, mlp, kaggle_house.
"""

from typing import Any

from multilayer.book import tensors
from multilayer.book.batches import TensorLoader
from multilayer.book.board import Point, ProgressBoard
from multilayer.book.d2l_name import provide_d2l
from multilayer.book.data_module import DataModule, SyntheticRegressionData
from multilayer.book.downloads import DATA_HUB, DATA_URL, download, extract
from multilayer.book.fashion_mnist import FashionMNIST, LabelledImages
from multilayer.book.hyperparameters import HyperParameters, add_to_class
from multilayer.book.kaggle_house import KaggleHouse
from multilayer.book.linear_regression import (
    SGD,
    LinearRegression,
    LinearRegressionScratch,
    WeightDecay,
    WeightDecayScratch,
    l2_penalty,
)
from multilayer.book.mlp import MLP, DropoutMLP, DropoutMLPScratch, MLPScratch, dropout_layer, relu
from multilayer.book.module import Classifier, Module
from multilayer.book.plotting import plot, set_axes, set_figsize, show_images, use_svg_display
from multilayer.book.softmax_regression import (
    SoftmaxRegression,
    SoftmaxRegressionScratch,
    cross_entropy,
    softmax,
)
from multilayer.book.tensors import *  # noqa: F403
from multilayer.book.timer import Timer
from multilayer.book.trainer import Trainer

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "MLP",
    "SGD",
    "Classifier",
    "DataModule",
    "DropoutMLP",
    "DropoutMLPScratch",
    "FashionMNIST",
    "HyperParameters",
    "KaggleHouse",
    "LabelledImages",
    "LinearRegression",
    "LinearRegressionScratch",
    "MLPScratch",
    "Module",
    "Point",
    "ProgressBoard",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "SyntheticRegressionData",
    "TensorLoader",
    "Timer",
    "Trainer",
    "WeightDecay",
    "WeightDecayScratch",
    "add_to_class",
    "cross_entropy",
    "download",
    "dropout_layer",
    "extract",
    "l2_penalty",
    "plot",
    "plt",  # noqa: F405  (of __getattr__)
    "provide_d2l",
    "relu",
    "set_axes",
    "set_figsize",
    "show_images",
    "softmax",
    "use_svg_display",
]
__all__ += tensors.__all__


def __getattr__(name: str) -> Any:
    if name == "plt":  # loaded when it is used: a script that draws nothing needs none of it
        from matplotlib import pyplot

        return pyplot
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
