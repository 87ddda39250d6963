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
    from multilayer.columns.kinds import infer_schema as infer_schema
    from multilayer.columns.schema import Schema as Schema
    from multilayer.diagnostics.doctor.examination import doctor as doctor
    from multilayer.encoding.encoder import Encoder as Encoder
    from multilayer.encoding.encoder import EncodingPlan as EncodingPlan
    from multilayer.encoding.targets import Targets as Targets
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
    from multilayer.estimators.regressor import MLPRegressor as MLPRegressor
    from multilayer.experiments.compare import compare as compare
    from multilayer.experiments.comparison import Comparison as Comparison
    from multilayer.experiments.study import study as study
    from multilayer.experiments.tune.tune_run import TuneResult as TuneResult
    from multilayer.experiments.tune.tune_run import TuneRun as TuneRun
    from multilayer.experiments.tune.tuning import tune as tune
    from multilayer.fit.large_table import LargeTable as LargeTable
    from multilayer.fit.table_source import ColumnRoles as ColumnRoles
    from multilayer.images.datasets import ImageDataset as ImageDataset
    from multilayer.images.datasets import ImageSplit as ImageSplit
    from multilayer.images.datasets import load_images as load_images
    from multilayer.model.any_model import load_model as load_model
    from multilayer.model.any_model import save_model as save_model
    from multilayer.model.any_predictor import load_predictor as load_predictor
    from multilayer.model.image_model import ImageModel as ImageModel
    from multilayer.model.image_predictor import NumPyPredictor as NumPyPredictor
    from multilayer.model.table_model import TableModel as TableModel
    from multilayer.model.table_predictor import TablePredictor as TablePredictor
    from multilayer.proofs.verify import verify as verify
    from multilayer.reading.frames import as_frame as as_frame
    from multilayer.reading.table import read_table as read_table
    from multilayer.recipes.recipes import recipe as recipe
    from multilayer.report.collect import write_report as write_report
    from multilayer.runs.evaluation import evaluate_images as evaluate_images
    from multilayer.runs.image_run import ImageRun as ImageRun
    from multilayer.runs.table_evaluation import evaluate_table as evaluate_table
    from multilayer.runs.table_run import TableRun as TableRun

# Where each name of the engine and the tool lives; every other name is the book's.
_HOMES = {
    "Comparison": "experiments.comparison",
    "Encoder": "encoding.encoder",
    "EncodingPlan": "encoding.encoder",
    "EpochRecord": "engine.records",
    "Examples": "engine.batches",
    "ColumnRoles": "fit.table_source",
    "DataWarning": "errors",
    "ImageDataset": "images.datasets",
    "ImageModel": "model.image_model",
    "ImageRun": "runs.image_run",
    "ImageSplit": "images.datasets",
    "LargeTable": "fit.large_table",
    "MLPClassifier": "estimators.classifier",
    "MLPRegressor": "estimators.regressor",
    "MultilayerError": "errors",
    "Network": "engine.network",
    "NetworkSpec": "engine.specification",
    "NumPyPredictor": "model.image_predictor",
    "Schema": "columns.schema",
    "TableModel": "model.table_model",
    "TablePredictor": "model.table_predictor",
    "TableRun": "runs.table_run",
    "Targets": "encoding.targets",
    "TrainingSettings": "engine.settings",
    "TrainingState": "engine.state",
    "TuneResult": "experiments.tune.tune_run",
    "TuneRun": "experiments.tune.tune_run",
    "as_frame": "reading.frames",
    "compare": "experiments.compare",
    "doctor": "diagnostics.doctor.examination",
    "evaluate": "engine.scores",
    "evaluate_images": "runs.evaluation",
    "evaluate_table": "runs.table_evaluation",
    "infer_schema": "columns.kinds",
    "load_images": "images.datasets",
    "load_model": "model.any_model",
    "load_predictor": "model.any_predictor",
    "read_table": "reading.table",
    "recipe": "recipes.recipes",
    "save_model": "model.any_model",
    "study": "experiments.study",
    "train": "engine.training",
    "tune": "experiments.tune.tuning",
    "verify": "proofs.verify",
    "write_report": "report.collect",
}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # questions of the import system, not names of ours
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'book')}")
    try:
        return getattr(home, name)
    except AttributeError:
        from multilayer.errors import did_you_mean

        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, __dir__())}"
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *import_module(f"{__name__}.book").__all__})
