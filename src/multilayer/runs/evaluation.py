"""How good a trained network is on labelled pictures, with an interval."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.images.datasets import ImageDataset, ImageSplit, load_images
from multilayer.errors import DataError, OutputError
from multilayer.files import check_is_no_link
from multilayer.runs.data_of_run import check_images_of_run
from multilayer.runs.run_documents import read_settings
from multilayer.runs.run_folder import model_path
from multilayer.metrics.intervals import wilson_interval
from multilayer.model.model import Model
from multilayer.model.model_file import load_model
from multilayer.drawing.pictures import save_confusion_matrix, save_mistakes


@dataclass(frozen=True, eq=False)
class ImageEvaluation:
    """Scores on labelled pictures.

    Args:
        class_names: a name for each class.
        labels: what is true, (num_images,).
        predicted: what the network says, (num_images,).
        confidences: the probability it gives to what it says, (num_images,).
    """

    class_names: tuple[str, ...]
    labels: NDArray[Any]
    predicted: NDArray[Any]
    confidences: NDArray[Any]

    @property
    def accuracy(self) -> float:
        """Share of pictures labelled rightly."""
        return float((self.labels == self.predicted).mean())

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """95% interval of the accuracy on pictures of this kind (Wilson, 1927)."""
        return wilson_interval(int((self.labels == self.predicted).sum()), len(self.labels))

    @property
    def confusion_matrix(self) -> NDArray[Any]:
        """Number of pictures of each true class (row) given each label (column)."""
        num_classes = len(self.class_names)
        cells = self.labels * num_classes + self.predicted
        return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)

    @property
    def precision(self) -> NDArray[Any]:
        """Of the pictures given each label, the share that has it; NaN where none was given."""
        matrix = self.confusion_matrix
        return _share(matrix.diagonal(), matrix.sum(axis=0))

    @property
    def recall(self) -> NDArray[Any]:
        """Of the pictures of each class, the share labelled so; NaN where there is none."""
        matrix = self.confusion_matrix
        return _share(matrix.diagonal(), matrix.sum(axis=1))

    @property
    def mistakes(self) -> NDArray[Any]:
        """Which pictures were labelled wrongly, the most confident mistake first."""
        wrong = np.flatnonzero(self.labels != self.predicted)
        return wrong[np.argsort(-self.confidences[wrong], kind="stable")]


def evaluate_images(model: Model, split: ImageSplit) -> ImageEvaluation:
    """Label pictures and hold the answers against their true labels.

    Raises:
        DataError: a label is none of the network's classes, or there is no picture.
        ImageFileError: the pictures have another shape than the network's.
    """
    num_classes = len(model.class_names)
    if len(split) == 0:
        raise DataError("there are no pictures to evaluate on")
    if int(split.labels.max()) >= num_classes:
        raise DataError(
            f"the data has the label {int(split.labels.max())}; "
            f"the network knows 0 to {num_classes - 1}"
        )
    probabilities = model.probabilities(split.images)
    return ImageEvaluation(
        model.class_names, split.labels, probabilities.argmax(1), probabilities.max(1)
    )


def evaluate_run(
    run: str | Path,
    data: str | Path | None = None,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
) -> tuple[ImageEvaluation, ImageDataset, list[Path]]:
    """Evaluate a run's network on test pictures, and draw its confusions and worst mistakes.

    Args:
        run: a run folder.
        data: a data set as `load_images` takes it; None: the one that the run trained on.
        data_dir: where to look for the data set first; None: where the run found it.
        output: an existing folder for the pictures; None: the run folder.

    Returns:
        The scores, the data set, and the pictures written.

    Raises:
        RunFolderError, ModelFileError: the run is not whole.
        DataError: the data cannot be had, or is not of the network's kind.
        OutputError: the pictures cannot be written.
    """
    model = load_model(model_path(run))
    folder = Path(run if output is None else output)
    if not folder.is_dir():
        raise OutputError(f"the folder for the pictures, {folder}, does not exist")
    if data is None:
        origin = read_settings(run)["data"]
        dataset = load_images(origin["load"], data_dir or origin.get("data_dir"))
        if data_dir is None:
            check_images_of_run(run, origin, dataset, is_shown=True)
    else:
        dataset = load_images(data, data_dir)
    evaluation = evaluate_images(model, dataset.test)
    pictures = [folder / "confusion_matrix.png", folder / "mistakes.png"]
    for picture in pictures:
        check_is_no_link(picture)
    save_confusion_matrix(evaluation.confusion_matrix, model.class_names, pictures[0])
    worst = evaluation.mistakes
    save_mistakes(
        dataset.test.images[worst],
        evaluation.labels[worst],
        evaluation.predicted[worst],
        evaluation.confidences[worst],
        model.class_names,
        pictures[1],
    )
    return evaluation, dataset, pictures


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[Any]:
    shares: NDArray[Any] = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
