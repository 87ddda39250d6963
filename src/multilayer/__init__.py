"""The multilayer perceptron, done completely.

`import multilayer as d2l` runs the printed code of "Dive into Deep Learning", chapters 3 to 5.
Everything here is loaded when it is first used, so that importing this costs next to nothing.
"""

import os as _os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Rounds for which a thread of PyTorch waits for the others before it lets other work have its core;
# about a tenth of a millisecond, longer than the threads of one product are apart. GNU's OpenMP
# waits 300,000 rounds unless it is told when PyTorch is loaded, so that beside other work a step
# takes ten times as long.
_WAITING_ROUNDS = "2000"
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & _os.environ.keys():
    _os.environ["GOMP_SPINCOUNT"] = _WAITING_ROUNDS

if TYPE_CHECKING:
    from multilayer.book import *  # noqa: F403
    from multilayer.data.column_kinds import infer_schema as infer_schema
    from multilayer.data.encoder import Encoder as Encoder
    from multilayer.data.encoder import EncodingPlan as EncodingPlan
    from multilayer.data.frames import as_frame as as_frame
    from multilayer.data.images import ImageDataset as ImageDataset
    from multilayer.data.images import ImageSplit as ImageSplit
    from multilayer.data.images import load_images as load_images
    from multilayer.data.read_table import read_table as read_table
    from multilayer.data.schema import Schema as Schema
    from multilayer.data.targets import Targets as Targets
    from multilayer.engine.batches import Examples as Examples
    from multilayer.engine.network import Network as Network
    from multilayer.engine.records import EpochRecord as EpochRecord
    from multilayer.engine.scores import evaluate as evaluate
    from multilayer.engine.settings import TrainingSettings as TrainingSettings
    from multilayer.engine.specification import NetworkSpec as NetworkSpec
    from multilayer.engine.state import TrainingState as TrainingState
    from multilayer.engine.training import train as train
    from multilayer.errors import DataWarning as DataWarning
    from multilayer.errors import MultilayerError as MultilayerError
    from multilayer.estimators.classifier import MLPClassifier as MLPClassifier
    from multilayer.estimators.recipes import recipe as recipe
    from multilayer.estimators.regressor import MLPRegressor as MLPRegressor
    from multilayer.lab.compare import compare as compare
    from multilayer.lab.comparison import Comparison as Comparison
    from multilayer.lab.doctor.examination import doctor as doctor
    from multilayer.lab.evaluation import evaluate_images as evaluate_images
    from multilayer.lab.image_run import ImageRun as ImageRun
    from multilayer.lab.large_table import LargeTable as LargeTable
    from multilayer.lab.report.collect import write_report as write_report
    from multilayer.lab.study import study as study
    from multilayer.lab.table_evaluation import evaluate_table as evaluate_table
    from multilayer.lab.table_run import TableRun as TableRun
    from multilayer.lab.table_source import ColumnRoles as ColumnRoles
    from multilayer.lab.tune.tune_run import TuneResult as TuneResult
    from multilayer.lab.tune.tune_run import TuneRun as TuneRun
    from multilayer.lab.tune.tuning import tune as tune
    from multilayer.lab.verify import verify as verify
    from multilayer.model_file.any_model import load_model as load_model
    from multilayer.model_file.any_model import save_model as save_model
    from multilayer.model_file.any_predictor import load_predictor as load_predictor
    from multilayer.model_file.image_model import ImageModel as ImageModel
    from multilayer.model_file.numpy_predictor import NumPyPredictor as NumPyPredictor
    from multilayer.model_file.table_model import TableModel as TableModel
    from multilayer.model_file.table_predictor import TablePredictor as TablePredictor

# Where each name of the engine and the tool lives; every other name is the book's.
_HOMES = {
    "Comparison": "lab.comparison",
    "Encoder": "data.encoder",
    "EncodingPlan": "data.encoder",
    "EpochRecord": "engine.records",
    "Examples": "engine.batches",
    "ColumnRoles": "lab.table_source",
    "DataWarning": "errors",
    "ImageDataset": "data.images",
    "ImageModel": "model_file.image_model",
    "ImageRun": "lab.image_run",
    "ImageSplit": "data.images",
    "LargeTable": "lab.large_table",
    "MLPClassifier": "estimators.classifier",
    "MLPRegressor": "estimators.regressor",
    "MultilayerError": "errors",
    "Network": "engine.network",
    "NetworkSpec": "engine.specification",
    "NumPyPredictor": "model_file.numpy_predictor",
    "Schema": "data.schema",
    "TableModel": "model_file.table_model",
    "TablePredictor": "model_file.table_predictor",
    "TableRun": "lab.table_run",
    "Targets": "data.targets",
    "TrainingSettings": "engine.settings",
    "TrainingState": "engine.state",
    "TuneResult": "lab.tune.tune_run",
    "TuneRun": "lab.tune.tune_run",
    "as_frame": "data.frames",
    "compare": "lab.compare",
    "doctor": "lab.doctor.examination",
    "evaluate": "engine.scores",
    "evaluate_images": "lab.evaluation",
    "evaluate_table": "lab.table_evaluation",
    "infer_schema": "data.column_kinds",
    "load_images": "data.images",
    "load_model": "model_file.any_model",
    "load_predictor": "model_file.any_predictor",
    "read_table": "data.read_table",
    "recipe": "estimators.recipes",
    "save_model": "model_file.any_model",
    "study": "lab.study",
    "train": "engine.training",
    "tune": "lab.tune.tuning",
    "verify": "lab.verify",
    "write_report": "lab.report.collect",
}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # questions of the import system, not names of ours
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'book')}")
    try:
        return getattr(home, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *import_module(f"{__name__}.book").__all__})
