"""A trained network that answers through NumPy: ready at once, as it needs no PyTorch."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.spares import Spares
from multilayer.model.finiteness import check_answers
from multilayer.model.numpy_network import NumPyNetwork
from multilayer.model.reading import ModelContent, picture_rows, read_model_file

_CHUNK_ROWS = 512  # answered at once; their hidden values still fit the cache

Array = NDArray[np.float32]


class _Buffers(NamedTuple):
    """Memory for one call with so many pictures."""

    inputs: Array  # (num_rows, pixels)
    logits: Array  # (num_rows, classes)
    row_values: Array  # (num_rows, 1)


class NumPyPredictor:
    """Labels pictures as `ImageModel` does, to 1e-5.

    Its buffers are made once for each number of pictures, so that asking again and again for as
    many allocates nothing but the answer. Any number of threads may ask at once.

    Args:
        content: what a model file holds; see also `load_image_predictor`.

    Attributes:
        image_shape: height and width of the pictures.
        class_names: a name for each output.
        details: how the network came about.
    """

    def __init__(self, content: ModelContent) -> None:
        self.image_shape = content.image_shape
        self.class_names = content.class_names
        self.details = content.details
        num_classes = content.spec.num_outputs
        self._members = [
            NumPyNetwork(
                content.spec, {name: of[member] for name, of in content.parameters.items()}
            )
            for member in range(content.num_members)
        ]
        self._ones = np.ones((num_classes, 1), np.float32)
        self._spare_buffers: Spares[_Buffers] = Spares()

    def probabilities(self, images: Any) -> Array:
        """Class probabilities, averaged over the members.

        Args:
            images: uint8, (num_images, height, width), or one image, (height, width).

        Returns:
            float32, (num_images, num_classes); each row sums to 1.

        Raises:
            ImageFileError: the images have another shape, or hold other than whole numbers from 0
                to 255.
            PredictionError: an answer is not a finite number.
        """
        rows = picture_rows(images, self.image_shape)
        answers = np.empty((len(rows), len(self._ones)), np.float32)
        for start in range(0, len(rows), _CHUNK_ROWS):
            end = start + _CHUNK_ROWS
            self._answer(rows[start:end], answers[start:end])
        check_answers(answers)
        return answers

    def _answer(self, rows: NDArray[Any], answers: Array) -> None:
        """Write the probabilities of rows (num_rows, pixels) into answers (num_rows, classes)."""
        buffers = self._spare_buffers.take()
        if buffers is None or len(rows) != len(buffers.inputs):
            buffers = _Buffers(
                np.empty(rows.shape, np.float32),
                np.empty(answers.shape, np.float32),
                np.empty((len(rows), 1), np.float32),
            )
        inputs, logits, row_values = buffers
        np.copyto(inputs, rows)
        first, *others = self._members
        self._softmax(first.logits(inputs, logits), row_values, answers)
        for member in others:
            answers += self._softmax(member.logits(inputs, logits), row_values, logits)
        if others:
            answers /= len(self._members)
        self._spare_buffers.give_back(buffers)

    def _softmax(self, logits: Array, row_values: Array, out: Array) -> Array:
        """e^(z − max z) / Σ e^(z − max z): no exponential overflows. Changes the logits."""
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True, out=row_values)
        np.exp(logits, out=logits)
        return np.divide(logits, logits.dot(self._ones, row_values), out=out)


def load_image_predictor(path: str | Path) -> NumPyPredictor:
    """Read a model file of images; `load_predictor` reads one of any kind.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return NumPyPredictor(read_model_file(path))
