"""Evaluate a run's model on labelled images or a table."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import (
    DataError,
    ImageFileError,
    OutputError,
    RunFolderError,
    SettingsError,
    package_left_out,
)
from multilayer.files import check_is_no_link
from multilayer.fit.moved_data import file_digest, unpacked_digest
from multilayer.fit.rows import Rows
from multilayer.fit.table_size import choose_memory_limit
from multilayer.images.datasets import ImageDataset, ImageSplit, load_images, require_no_data_dir
from multilayer.metrics.evaluation import Evaluation, evaluation_of
from multilayer.model.answers import Answers
from multilayer.model.model_file import load_predictor
from multilayer.reading.table_format import TableFormat
from multilayer.runs.data_of_run import check_images_of_run, format_of_run
from multilayer.runs.kind_of_data import require_dataset, require_table, trained_on
from multilayer.runs.model_rows import outputs_for_rows, rows_for_model
from multilayer.runs.run_documents import read_json, read_settings
from multilayer.runs.run_folder import model_path

_MOST_CLASSES_DRAWN = 60


def evaluate_images(model: Answers, split: ImageSplit, data: str = "the images") -> Evaluation:
    """Score a model on labelled images.

    Args:
        model: of images.
        split: the images.
        data: their name, for reports.

    Raises:
        DataError: a label is not a class of the model, or there is no image.
        ImageFileError: the images have another shape than the model's.

    Examples:
        >>> from multilayer import ImageRun, evaluate_images, load_images, load_model, recipe
        >>> settings = recipe("chapter", max_epochs=2, hidden_widths=(8,))
        >>> run = ImageRun("digits", settings, "runs/digits")
        >>> for epoch in run.epochs():
        ...     pass
        ...
        >>> results = run.finish()
        >>> model = load_model("runs/digits/model.safetensors")
        >>> found = evaluate_images(model, load_images("digits").test, "digits")
        >>> [score.name for score in found.scores]
        ['accuracy', 'balanced accuracy', 'log loss']
    """
    if len(split) == 0:
        raise DataError("there are no images to evaluate on")
    truths = Rows.of_images(split, model.class_names).encoded_targets(model.targets)
    return evaluation_of(model, model.member_outputs(split.images), truths, data)


def evaluate_table(
    model: Answers, data: str | Path, *, table_format: TableFormat | None = None
) -> Evaluation:
    """Score a model on a table.

    A table that would take most of the free memory is read in pieces, and the model's answers are
    kept in place of its rows; the scores are the same.

    Args:
        model: fitted to a table of the same columns.
        data: as `read_table` takes it, with the target.
        table_format: how the file is written; None: its content says.

    Raises:
        TableError: the file cannot be read, columns are missing, or no row has a target.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, Run, RunConfiguration
        >>> configuration = RunConfiguration(
        ...     "surface.csv", ColumnRoles(("y",)), "fast", {"max_epochs": 3}, output="runs/surface"
        ... )
        >>> run = Run(configuration)
        >>> num_epochs = sum(1 for epoch in run.epochs())
        >>> results = run.finish()
        >>> from multilayer import evaluate_table, load_model
        >>> found = evaluate_table(load_model("runs/surface/model.safetensors"), "surface.csv")
        >>> [score.name for score in found.scores]
        ['RMSE', 'MAE', 'R²']
    """
    unseen = UnseenValues()
    if choose_memory_limit(data) is None:
        found = rows_for_model(model, data, table_format)
        outputs = model.member_outputs(found.rows.frame, str(data), unseen=unseen)
    else:
        found, outputs = outputs_for_rows(model, data, table_format, unseen)
    truths = found.rows.encoded_targets(model.targets)
    return evaluation_of(
        model, outputs, truths, str(data),
        notes=(*found.notes, *unseen.sentences()),
        num_without_target=found.left_out.num_without_target,
        num_unknown=found.num_unknown,
    )  # fmt: skip


def evaluate_run(
    run: str | Path,
    data: str | Path | None = None,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    table_format: TableFormat | None = None,
) -> tuple[Evaluation, list[Path]]:
    """Evaluate a run's model and draw its calibration, confusion matrix and mistakes.

    Args:
        run: a run folder, or a model file.
        data: for images, a data set that `load_images` takes; None: the test images of the run's
            data set. For a table, a file that `evaluate_table` takes.
        data_dir: where to look for images first; None: where the run found them.
        output: an existing folder for the pictures; None: the run folder, no pictures for a file.
        table_format: how the file is written; None: the run's format if it is the run's own file,
            else inferred.

    Returns:
        The scores, and the paths of the pictures.

    Raises:
        RunFolderError, ModelFileError: the run is incomplete.
        SettingsError: a table's model is given no data.
        DataError: the data cannot be loaded, or does not fit the model.
        OutputError: the pictures cannot be written.
    """
    model = load_predictor(model_path(run))
    folder = output if output is not None else run if Path(run).is_dir() else None
    if output is not None and not Path(output).is_dir():
        raise OutputError(f"the folder for the pictures, {output}, does not exist")
    names = ["reliability.png", "confusion_matrix.png", "mistakes.png"]
    for name in names if folder is not None else ():
        check_is_no_link(Path(folder or "", name))
    images = None
    if model.image_shape is not None:
        if data is not None:
            require_dataset(run, trained_on(model), data)
        dataset = _images(run, data, data_dir)
        if dataset.image_shape != model.image_shape:
            height, width = dataset.image_shape
            raise ImageFileError(
                f"{run} was trained on {trained_on(model)}; those of {dataset.name} have "
                f"{height} x {width}"
            )
        images = dataset.test
        evaluation = evaluate_images(model, images, dataset.name)
    elif data is None:
        raise SettingsError(
            f"{run} is a model of tables; name a file with rows that it was not trained on"
        )
    else:
        require_no_data_dir(data_dir)
        require_table(run, trained_on(model), data)
        table_format = table_format or format_of_run(run, data)
        evaluation = evaluate_table(model, data, table_format=table_format)
        known = _known_rows(run, data)
        if known is not None:
            evaluation = replace(evaluation, notes=(*evaluation.notes, known))
    if folder is None:
        return evaluation, []
    try:
        return evaluation, _draw(evaluation, Path(folder), images)
    except ModuleNotFoundError as error:
        if package_left_out(error) != "matplotlib":
            raise
        note = "no pictures are drawn: they need matplotlib (pip install matplotlib)"
        return replace(evaluation, notes=(*evaluation.notes, note)), []


def _images(run: str | Path, data: str | Path | None, data_dir: str | Path | None) -> ImageDataset:
    if data is not None:
        return load_images(data, data_dir)
    if not Path(run).is_dir():
        raise SettingsError(f"{run} is a model file; name the images to evaluate it on")
    origin = read_settings(run)["data"]
    dataset = load_images(origin["load"], data_dir or origin.get("data_dir"))
    if data_dir is None:
        check_images_of_run(run, origin, dataset, is_shown=True)
    return dataset


def _draw(evaluation: Evaluation, folder: Path, images: ImageSplit | None) -> list[Path]:
    """Draw the pictures of a classification; returns their paths."""
    bins, matrix = evaluation.reliability, evaluation.confusion_matrix
    if bins is None or matrix is None:
        return []
    from multilayer.drawing.pictures import (
        save_confusion_matrix,
        save_mistakes,
        save_reliability_diagram,
    )

    pictures = [folder / "reliability.png"]
    save_reliability_diagram(
        bins.confidences.tolist(), bins.accuracies.tolist(), bins.counts.tolist(),
        bins.expected_error, pictures[-1],
    )  # fmt: skip
    if len(matrix) <= _MOST_CLASSES_DRAWN:
        pictures.append(folder / "confusion_matrix.png")
        save_confusion_matrix(matrix, evaluation.class_names, pictures[-1])
    if images is not None:
        pictures.append(folder / "mistakes.png")
        worst: np.ndarray[tuple[int], np.dtype[np.int64]] = evaluation.mistakes
        save_mistakes(
            images.images[worst],
            evaluation.labels[worst],
            evaluation.predicted[worst],
            evaluation.confidences[worst],
            evaluation.class_names,
            pictures[-1],
        )
    return pictures


def _known_rows(run: str | Path, data: str | Path) -> str | None:
    """A note if the file holds the run's training or validation rows."""
    if not Path(run).is_dir():
        return None
    try:
        origin = read_json(run, "settings.json")["data"]
        digests = {name: origin.get(name) for name in ("sha256", "validation_sha256")}
    except (AttributeError, KeyError, TypeError, RunFolderError):
        return None
    if not any(digests.values()):
        return None
    found = {file_digest(data), unpacked_digest(data)} - {None}
    if found & {digests["sha256"], origin.get("unpacked_sha256")}:
        return (
            f"{data} is the file that {run} was trained on: scores on training rows are "
            "optimistic for new rows"
        )
    if digests["validation_sha256"] in found:
        return (
            f"{data} is the validation set that {run} selected its epoch and was calibrated on: "
            "scores on new rows may be a little worse"
        )
    return None
