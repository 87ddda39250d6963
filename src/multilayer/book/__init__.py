"""The names of the book's chapters 3 to 5, with the book's behaviour.

Read the modules in the book's order: hyperparameters, board, module, data_module, trainer,
linear_regression, softmax_regression, mlp, kaggle_house.
"""

from typing import Any

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
from multilayer.book.tensors import (
    abs,  # noqa: A004  (the book's spelling)
    arange,
    argmax,
    astype,
    batch_matmul,
    concat,
    cos,
    cosh,
    cpu,
    exp,
    expand_dims,
    eye,
    float32,
    gpu,
    int32,
    int64,
    linspace,
    log,
    matmul,
    meshgrid,
    nn_Module,
    normal,
    num_gpus,
    numpy,
    ones,
    ones_like,
    rand,
    randn,
    reduce_mean,
    reduce_sum,
    repeat,
    reshape,
    sigmoid,
    sin,
    sinh,
    size,
    stack,
    swapaxes,
    tanh,
    tensor,
    to,
    transpose,
    try_all_gpus,
    try_gpu,
    zeros,
    zeros_like,
)
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
    "abs",
    "add_to_class",
    "arange",
    "argmax",
    "astype",
    "batch_matmul",
    "concat",
    "cos",
    "cosh",
    "cpu",
    "cross_entropy",
    "download",
    "dropout_layer",
    "exp",
    "expand_dims",
    "extract",
    "eye",
    "float32",
    "gpu",
    "int32",
    "int64",
    "l2_penalty",
    "linspace",
    "log",
    "matmul",
    "meshgrid",
    "nn_Module",
    "normal",
    "num_gpus",
    "numpy",
    "ones",
    "ones_like",
    "plot",
    "plt",
    "provide_d2l",
    "rand",
    "randn",
    "reduce_mean",
    "reduce_sum",
    "relu",
    "repeat",
    "reshape",
    "set_axes",
    "set_figsize",
    "show_images",
    "sigmoid",
    "sin",
    "sinh",
    "size",
    "softmax",
    "stack",
    "swapaxes",
    "tanh",
    "tensor",
    "to",
    "transpose",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    if name == "plt":  # loaded when it is used: a script that draws nothing needs none of it
        from matplotlib import pyplot

        return pyplot
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
