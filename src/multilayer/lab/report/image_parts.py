"""What a report shows of a network that labels pictures, from its model file and its data."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.data.images import ImageDataset, ImageSplit
from multilayer.lab.calibration import reliability_of_answers
from multilayer.lab.evaluation import ImageEvaluation, evaluate_images
from multilayer.lab.image_run import as_examples
from multilayer.lab.report.layer_parts import layer_parts
from multilayer.lab.wilson import wilson_interval
from multilayer.model_file.image_model import ImageModel
from multilayer.report.first_layer import first_layer_mosaic
from multilayer.report.html.calibration_chart import calibration_chart
from multilayer.report.html.chart import Chart
from multilayer.report.html.content import Confusion, Mistake, WeightPictures
from multilayer.report.html.data_uri import grey_png, signed_png

_MOST_CLASSES = 40
_MOST_MISTAKES = 24
_NUM_BINS = 10  # of confidence
_NUM_ROWS_PASSED = 1024


def weight_pictures(model: ImageModel) -> WeightPictures:
    """The first weights; the same picture as first_layer.png."""
    mosaic = first_layer_mosaic(model.network.weights[0][0].numpy(), model.image_shape)
    return WeightPictures(
        mosaic.title, signed_png(mosaic.values, mosaic.limit), f"{mosaic.limit:.2g}"
    )


def parts_on_data(model: ImageModel, dataset: ImageDataset, name: str, loss: str) -> dict[str, Any]:
    """Fields of `RunContent` that need the data.

    Args:
        model: the trained network.
        dataset: what it was trained on.
        name: of the run.
        loss: that was minimised.

    Raises:
        DataError: the data does not fit the network.
    """
    evaluation = evaluate_images(model, dataset.test)
    every = max(1, len(dataset.train) // _NUM_ROWS_PASSED)
    sample = ImageSplit(
        dataset.train.images[::every][:_NUM_ROWS_PASSED],
        dataset.train.labels[::every][:_NUM_ROWS_PASSED],
    )
    return {
        "confusion": _confusion(evaluation),
        "calibration": _calibration(evaluation, name),
        "mistakes": _mistakes(evaluation, dataset.test.images),
        "num_mistakes": len(evaluation.mistakes),
        **layer_parts(model.network, as_examples(sample), loss),
    }


def _confusion(evaluation: ImageEvaluation) -> Confusion:
    """The matrix; of very many classes those with the most mistakes."""
    matrix = evaluation.confusion_matrix
    shown: NDArray[Any] = np.arange(len(matrix))
    if len(shown) > _MOST_CLASSES:
        wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
        shown = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
    return Confusion(
        [evaluation.class_names[number] for number in shown],
        matrix[np.ix_(shown, shown)].tolist(),
        [_share(evaluation.precision[number]) for number in shown],
        [_share(evaluation.recall[number]) for number in shown],
        matrix.sum(axis=1)[shown].tolist(),
        f"Of {len(matrix)} classes, the {len(shown)} with the most mistakes are shown."
        if len(shown) < len(matrix)
        else "",
    )


def _calibration(evaluation: ImageEvaluation, name: str) -> Chart:
    is_right = evaluation.labels == evaluation.predicted
    found = reliability_of_answers(evaluation.confidences, is_right, _NUM_BINS)
    counts = [int(count) for count in found.counts]
    shares = found.accuracies.tolist()
    return calibration_chart(
        list(zip(found.confidences.tolist(), shares, strict=True)),
        [wilson_interval(round(p * n), n) for p, n in zip(shares, counts, strict=True)],
        counts,
        found.expected_error,
        name,
    )


def _share(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"


def _mistakes(evaluation: ImageEvaluation, images: NDArray[Any]) -> list[Mistake]:
    return [
        Mistake(
            truth=evaluation.class_names[evaluation.labels[row]],
            answer=evaluation.class_names[evaluation.predicted[row]],
            detail=f"{evaluation.confidences[row]:.1%}",
            place=int(row),
            picture=grey_png(images[row]),
        )
        for row in evaluation.mistakes[:_MOST_MISTAKES]
    ]
