"""What a report shows of a network that labels pictures, from its model file and its data."""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multilayer.drawing.first_layer import first_layer_mosaic
from multilayer.drawing.html.content import Mistake, WeightPictures
from multilayer.fit.rows import Rows
from multilayer.images.datasets import ImageDataset, ImageSplit
from multilayer.metrics.evaluation import Evaluation
from multilayer.model.answers import Answers
from multilayer.report.class_parts import calibration_of, confusion_of
from multilayer.report.needs_pytorch import layers_in_pytorch
from multilayer.runs.evaluation import evaluate_images

if TYPE_CHECKING:
    from multilayer.model.model import Model
    from multilayer.model.predictor import Predictor

_MOST_MISTAKES = 24
_NUM_ROWS_PASSED = 1024


def weight_pictures(model: "Model | Predictor") -> WeightPictures:
    """The first weights; the same picture as first_layer.png."""
    assert model.image_shape is not None
    mosaic = first_layer_mosaic(model.parameters["linear_0.weight"][0], model.image_shape)
    return WeightPictures(
        mosaic.title, _signed_png(mosaic.values, mosaic.limit), f"{mosaic.limit:.2g}"
    )


def parts_on_data(model: Answers, dataset: ImageDataset, name: str, loss: str) -> dict[str, Any]:
    """Fields of `RunContent` that need the data.

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
    rows = Rows.of_images(sample, model.class_names)
    return {
        "confusion": confusion_of(evaluation.class_names, evaluation.labels, evaluation.predicted),
        "calibration": calibration_of(evaluation.confidences, is_right, name),
        "mistakes": _mistakes(evaluation, dataset.test.images),
        "num_mistakes": len(evaluation.mistakes),
        **layers_in_pytorch(model, rows, loss),
    }


def _mistakes(evaluation: Evaluation, images: NDArray[Any]) -> list[Mistake]:
    return [
        Mistake(
            truth=evaluation.class_names[evaluation.labels[row]],
            answer=evaluation.class_names[evaluation.predicted[row]],
            detail=f"{evaluation.confidences[row]:.1%}",
            place=int(row),
            picture=_grey_png(images[row]),
        )
        for row in evaluation.mistakes[:_MOST_MISTAKES]
    ]


def _grey_png(image: NDArray[np.uint8]) -> str:
    """A picture (height, width) of bytes, 0 black, as a data: URI."""
    return _data_uri(image)


def _signed_png(values: NDArray[Any], limit: float) -> str:
    """Numbers of both signs as colours: blue below zero, white at zero, red above.

    Args:
        values: (height, width); beyond ±limit the colour stays, NaN is transparent.
        limit: above 0; where the colours are strongest.

    Returns:
        A data: URI.
    """
    import matplotlib

    colors = matplotlib.colormaps["RdBu_r"](np.nan_to_num(values / limit) / 2 + 0.5, bytes=True)
    colors[np.isnan(values), 3] = 0
    return _data_uri(colors)


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    content = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
