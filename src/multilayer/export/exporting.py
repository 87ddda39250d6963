"""Export a model as a program that runs without this package."""

import warnings
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from multilayer.errors import (
    DataError,
    DataWarning,
    MissingExtraError,
    SettingsError,
    did_you_mean,
)
from multilayer.files import replace_atomically, require_other_file
from multilayer.model.model_file import FILE_NAME, file_of_model, load_predictor
from multilayer.model.predictor import Predictor

if TYPE_CHECKING:
    from multilayer.model.model import Model

ExportForm = Literal["onnx", "torch", "numpy"]

_USUAL_COVERAGE = 0.9


def export_model(
    model: "str | Path | Model | Predictor | Any",
    path: str | Path,
    to: ExportForm = "onnx",
    *,
    coverages: float | Sequence[float] | None = None,
) -> list[Path]:
    """Write a model as a program that runs without this package.

    Args:
        model: a run folder, a model file, a model, a predictor or a fitted estimator.
        path: of the file for "onnx"; of the folder for "torch" and "numpy".
        to: "onnx": one graph from raw columns, or images as bytes, to the calibrated answers.
            "torch": the networks as a `state_dict` and a module that loads it. "numpy": a program
            of one file that needs NumPy alone, from raw columns to the answers.
        coverages: of the prediction intervals or sets of classes that the graph gives, between 0
            and 1; for "onnx" alone. None: 0.9, if there were enough held-out rows.

    Returns:
        The files that were written.

    Raises:
        SettingsError: `to` is unknown, or a coverage is out of range or not for this model.
        ModelFileError: the file is missing, damaged, of a newer version or no model file.
        DataError: the form cannot express the model; the message says why.
        MissingExtraError: the package `onnx` is not installed.
        OutputError: the file or folder cannot be written.

    Warns:
        DataWarning: where the program takes values in another form than `predict` does.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> from multilayer import export_model
        >>> [path.name for path in export_model(fitted, "small", to="numpy")]
        ['answer.py', 'model.npz']
    """
    forms = get_args(ExportForm)
    if not isinstance(to, str) or to not in forms:
        raise SettingsError(
            f"to must be one of {', '.join(forms)}; it is {to!r}{did_you_mean(to, forms)}"
        )
    name, model_version = "model", ""
    if isinstance(model, str | Path):
        source = file_of_model(model)
        require_other_file(path, source)
        name = source.resolve().parent.name if source.name == FILE_NAME else source.stem
        predictor = load_predictor(source)
        model_version = sha256(source.read_bytes()).hexdigest()[:12]
    else:
        predictor = Predictor.of(model)
    if to == "onnx":
        asked = [coverages] if isinstance(coverages, int | float) else coverages
        _export_onnx(predictor, path, name or "model", model_version, asked)
        return [Path(path)]
    if coverages is not None:
        raise SettingsError(f"coverage is chosen for the form 'onnx' alone; it is given for {to!r}")
    if to == "numpy":
        from multilayer.export.numpy_folder import write_numpy_folder

        return write_numpy_folder(predictor, path)
    from multilayer.export.torch_folder import write_torch_folder

    return write_torch_folder(predictor, path)


def _export_onnx(
    model: Predictor,
    path: str | Path,
    name: str,
    model_version: str,
    coverages: Sequence[float] | None,
) -> None:
    try:
        import onnx  # noqa: F401 (whether it is there)
    except ImportError as error:
        raise MissingExtraError("exporting to ONNX", "onnx", "onnx") from error
    from multilayer.export.column_forms import notes_on_columns
    from multilayer.export.onnx_model import onnx_model

    content = onnx_model(model, name, _coverages(model, coverages), model_version)
    with replace_atomically(path) as file:
        file.write(content)
    if model.image_shape is None:
        for note in notes_on_columns(model.table_encoder):
            warnings.warn(note, DataWarning, stacklevel=3)


def _coverages(model: Predictor, asked: Sequence[float] | None) -> list[float]:
    """The coverages that are asked for, or the usual one if the model can give it."""
    has_scores = model.conformal is not None and model.targets.task != "multilabel"
    if not asked and asked is not None:
        return []
    if not has_scores:
        if asked is None:
            return []
        raise (
            SettingsError("coverage is for classes and numbers; this model predicts labels")
            if model.targets.task == "multilabel"
            else DataError(
                "this model was fitted without held-out rows, which intervals and sets need"
            )
        )
    assert model.conformal is not None
    for coverage in asked or (_USUAL_COVERAGE,):
        model.conformal.rank(coverage)  # raises where it is out of range
    if asked is not None:
        return list(dict.fromkeys(map(float, asked)))
    if model.targets.task == "regression":
        try:
            model.conformal.rank_of_interval(_USUAL_COVERAGE)
        except DataError as error:
            warnings.warn(f"the program gives no intervals: {error}", DataWarning, stacklevel=4)
            return []
    return [_USUAL_COVERAGE]
