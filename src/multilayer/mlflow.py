"""Models in MLflow: logged with what they take and give, and loaded to answer without PyTorch.

The artifact is the model file; MLflow's loader is `_load_pyfunc` here, so that nothing is pickled.
"""

import importlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilayer import __version__
from multilayer.errors import (
    DataWarning,
    MissingExtraError,
    ModelFileError,
    MultilayerError,
    OutputError,
)
from multilayer.model import model_file
from multilayer.model.model_file import FILE_NAME, file_of_model, load_predictor
from multilayer.model.predictor import Predictor
from multilayer.runs.answer_columns import AnswerColumns

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

    from multilayer.serve.served_model import ServedModel

_FLAVOR = "python_function"


def log_model(model: Any, name: str = "model", **arguments: Any) -> Any:
    """Log a model in MLflow, in the active run or one that is begun.

    Its signature names the columns that are needed, or the shape of images, and the answers. A
    column takes what `predict` takes, missing values too, which MLflow's types cannot say: their
    "double" refuses whole numbers. So columns have the type Any; what each holds stands in the
    model's metadata. The input example is a training row that the model file holds.

    Args:
        model: a run folder, a model file, a finished `Run`, a model, a predictor or a fitted
            estimator.
        name: of the logged model.
        arguments: for `mlflow.pyfunc.log_model`, such as `registered_model_name`; `metadata` are
            added to those here, the others take their place.

    Returns:
        What MLflow says of it; its `model_uri` is for `load_model` and `mlflow.pyfunc.load_model`.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
        ModelFileError: the file is missing, damaged, of a newer version or no model file.
        SettingsError: it is none of these, or not fitted.
    """
    mlflow = _mlflow("log_model")
    with _described(model, arguments) as described:
        return mlflow.pyfunc.log_model(name=name, **described)


def save_model(model: Any, path: str | Path, **arguments: Any) -> None:
    """Write the folder that `log_model` logs.

    Args:
        model: see `log_model`.
        path: of a folder that is empty or not there.
        arguments: for `mlflow.pyfunc.save_model`; see `log_model`.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
        ModelFileError: the file is missing, damaged, of a newer version or no model file.
        OutputError: the folder is not empty.
        SettingsError: it is no model, or not fitted.
    """
    mlflow = _mlflow("save_model")
    folder = Path(path)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(f"cannot write {folder}: it is not an empty folder; name another one")
    with _described(model, arguments) as described:
        mlflow.pyfunc.save_model(path=str(folder), **described)


def load_model(uri: str) -> Predictor:
    """Load a logged model as a predictor, which needs no PyTorch.

    Args:
        uri: as MLflow names it: "models:/m-…", "runs:/…/model", "models:/NAME/VERSION" or a path.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
        ModelFileError: it is another library's model, or damaged, or of a newer version.
    """
    mlflow = _mlflow("load_model")
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=str(uri)))
    flavor = mlflow.models.Model.load(str(folder)).flavors.get(_FLAVOR, {})
    if flavor.get("loader_module") != __name__:
        raise ModelFileError(
            f"{uri} was not logged by {__name__}; load it with mlflow.pyfunc.load_model"
        )
    return load_predictor(folder / flavor["data"])


class LoggedModel:
    """What `mlflow.pyfunc.load_model` puts in its model.

    Args:
        predictor: answers without PyTorch.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> "pd.DataFrame":
        """Answer rows.

        Args:
            data: a table in any form that `as_frame` takes, or images, integers from 0 to 255,
                (num_images, height, width).
            params: "coverage" of prediction intervals or sets, between 0 and 1, None: without; and
                "probabilities", whether each class or label has a column with its own.

        Returns:
            The columns that `multilayer predict` adds to a table, a row for each of `data`.

        Raises:
            MultilayerError: a value does not fit its column, or the model lacks what is asked for.
        """
        import pandas as pd

        asked = params or {}
        columns = AnswerColumns(
            self.predictor, bool(asked.get("probabilities")), asked.get("coverage")
        )
        values = columns.of(self.predictor.member_outputs(data))
        index = data.index if isinstance(data, pd.DataFrame) else None
        names = columns.names()
        return pd.DataFrame(
            {name: one.to_numpy() for name, one in zip(names, values, strict=True)}, index=index
        )


def _load_pyfunc(path: str) -> LoggedModel:
    """Load the model file of a logged model, for MLflow."""
    return LoggedModel(load_predictor(path))


def _mlflow(wanted_by: str) -> Any:
    """MLflow with what is used of it, and pandas, in which it gives rows."""
    for module, package in (("pandas", "pandas"), ("mlflow", "mlflow-skinny")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MissingExtraError(f"{__name__}.{wanted_by}", package, "mlflow") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of its own types
        for part in ("artifacts", "models", "pyfunc"):
            importlib.import_module(f"mlflow.{part}")
    return importlib.import_module("mlflow")


@contextmanager
def _described(model: Any, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments of MLflow's functions, and a model file for as long as they read it."""
    from multilayer.serve.served_model import ServedModel

    with tempfile.TemporaryDirectory(prefix="multilayer-mlflow-") as folder:
        file = Path(folder) / FILE_NAME
        source = getattr(model, "path", model)  # of a `Run`
        if isinstance(source, str | Path):
            predictor = load_predictor(source)
            shutil.copyfile(file_of_model(source), file)
        else:
            predictor = Predictor.of(source)
            model_file.save_model(predictor, file)
        version = sha256(file.read_bytes()).hexdigest()[:12]
        served = ServedModel("model", predictor, version)
        usual = {
            "loader_module": __name__,
            "data_path": str(file),
            "signature": _signature(served),
            "input_example": _example(served),
        }
        if "conda_env" not in given:
            usual["pip_requirements"] = [f"multilayer=={__version__}", "pandas"]
        metadata = {**_metadata(served), **(given.get("metadata") or {})}
        yield {**usual, **given, "metadata": metadata}


def _signature(served: "ServedModel") -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import (
        AnyType,
        ColSpec,
        DataType,
        ParamSchema,
        ParamSpec,
        Schema,
        TensorSpec,
    )

    model = served.model
    targets, shape = model.targets, model.image_shape
    if shape is None:
        anything: Any = AnyType()  # type: ignore[no-untyped-call]
        inputs = Schema([ColSpec(anything, one.name) for one in served.columns])
    else:
        inputs = Schema([TensorSpec(np.dtype(np.uint8), (-1, *shape))])
    is_number = targets.task == "regression"
    params = [] if is_number else [ParamSpec("probabilities", DataType.boolean, default=False)]
    if targets.task != "multilabel":
        params.append(ParamSpec("coverage", DataType.double, default=None))
    coverage = None if targets.task == "multilabel" else 0.9
    usual = AnswerColumns(model).names()
    outputs: list[Any] = []
    for name in AnswerColumns(model, not is_number, coverage).names():
        kind = DataType.string  # of a set of classes
        if is_number or name.startswith("probability_"):
            kind = DataType.double
        elif name in usual:
            kind = _type_of(targets.classes)
        outputs.append(ColSpec(kind, name, required=name in usual))
    return ModelSignature(inputs, Schema(outputs), ParamSchema(params))


def _type_of(classes: tuple[Any, ...]) -> Any:
    """MLflow's type of labels; there are no classes where they are 0 and 1."""
    from mlflow.types.schema import DataType

    kinds = {type(label) for label in classes or (0, 1)}
    names = {bool: DataType.boolean, int: DataType.long, float: DataType.double}
    return names.get(kinds.pop(), DataType.string) if len(kinds) == 1 else DataType.string


def _example(served: "ServedModel") -> Any:
    """A row that the model answers, as a frame; None of images, or if no such row is known."""
    import pandas as pd

    if served.model.image_shape is not None:
        return None
    row = pd.DataFrame([served.example])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            LoggedModel(served.model).predict(row)
    except MultilayerError:  # the file holds it as text, and it was not
        return None
    return row


def _metadata(served: "ServedModel") -> dict[str, Any]:
    """What a signature cannot say; JSON."""
    targets = served.model.targets
    described: dict[str, Any] = {
        "multilayer_version": __version__,
        "model_version": served.version,
        "task": targets.task,
        "targets": list(targets.names),
        "columns": {one.name: f"{one.kind}: {one.hint}" for one in served.columns},
    }
    if targets.classes:
        described["classes"] = list(targets.classes)
    return described
