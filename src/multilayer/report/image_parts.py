"""What a report shows of a network that labels pictures, from its model file and its data."""

from typing import Any

from numpy.typing import NDArray

from multilayer.drawing.first_layer import first_layer_mosaic
from multilayer.drawing.html.content import Mistake, WeightPictures
from multilayer.drawing.html.data_uri import grey_png, signed_png
from multilayer.fit.image_rows import as_examples
from multilayer.images.datasets import ImageDataset, ImageSplit
from multilayer.model.model import Model
from multilayer.report.class_parts import calibration_of, confusion_of
from multilayer.report.layer_parts import layer_parts
from multilayer.runs.evaluation import ImageEvaluation, evaluate_images

_MOST_CLASSES = 40
_MOST_MISTAKES = 24
_NUM_BINS = 10  # of confidence
_NUM_ROWS_PASSED = 1024


def weight_pictures(model: Model) -> WeightPictures:
    """The first weights; the same picture as first_layer.png."""
    assert model.image_shape is not None
    mosaic = first_layer_mosaic(model.network.weights[0][0].numpy(), model.image_shape)
    return WeightPictures(
        mosaic.title, signed_png(mosaic.values, mosaic.limit), f"{mosaic.limit:.2g}"
    )


def parts_on_data(model: Model, dataset: ImageDataset, name: str, loss: str) -> dict[str, Any]:
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
    is_right = evaluation.labels == evaluation.predicted
    every = max(1, len(dataset.train) // _NUM_ROWS_PASSED)
    sample = ImageSplit(
        dataset.train.images[::every][:_NUM_ROWS_PASSED],
        dataset.train.labels[::every][:_NUM_ROWS_PASSED],
    )
    return {
        "confusion": confusion_of(evaluation.class_names, evaluation.labels, evaluation.predicted),
        "calibration": calibration_of(evaluation.confidences, is_right, name),
        "mistakes": _mistakes(evaluation, dataset.test.images),
        "num_mistakes": len(evaluation.mistakes),
        **layer_parts(model.network, as_examples(sample), loss),
    }


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
