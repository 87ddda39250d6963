"""The names of `multilayer`, one a line; type checkers and `__init__.py` both read this."""

from multilayer import book as book
from multilayer import errors as errors
from multilayer import mlflow as mlflow
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
from multilayer.export.exporting import export_model as export_model
from multilayer.fit.column_roles import ColumnRoles as ColumnRoles
from multilayer.fit.large_table import LargeTable as LargeTable
from multilayer.images.datasets import ImageDataset as ImageDataset
from multilayer.images.datasets import ImageSplit as ImageSplit
from multilayer.images.datasets import load_images as load_images
from multilayer.model.model import ImageModel as ImageModel
from multilayer.model.model import Model as Model
from multilayer.model.model import TableModel as TableModel
from multilayer.model.model_file import load_model as load_model
from multilayer.model.model_file import load_predictor as load_predictor
from multilayer.model.model_file import save_model as save_model
from multilayer.model.predictor import NumPyPredictor as NumPyPredictor
from multilayer.model.predictor import Predictor as Predictor
from multilayer.model.predictor import TablePredictor as TablePredictor
from multilayer.playground.data_module import PlaygroundData as PlaygroundData
from multilayer.playground.points import points_table as points_table
from multilayer.proofs.verify import verify as verify
from multilayer.reading.frames import as_frame as as_frame
from multilayer.reading.table import read_table as read_table
from multilayer.recipes.recipes import recipe as recipe
from multilayer.report.collect import write_report as write_report
from multilayer.report.model_card import write_card as write_card
from multilayer.runs.configuration import RunConfiguration as RunConfiguration
from multilayer.runs.earlier_runs import ImageRun as ImageRun
from multilayer.runs.earlier_runs import TableRun as TableRun
from multilayer.runs.evaluation import evaluate_images as evaluate_images
from multilayer.runs.evaluation import evaluate_table as evaluate_table
from multilayer.runs.run import Run as Run

__version__: str
__all__: list[str]
