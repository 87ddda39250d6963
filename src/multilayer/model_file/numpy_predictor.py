"""A trained network that answers through NumPy: ready at once, as it needs no PyTorch."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.model_file.finiteness import check_answers
from multilayer.model_file.numpy_network import NumPyNetwork
from multilayer.model_file.reading import ModelContent, picture_rows, read_model_file

_CHUNK_ROWS = 512  # answered at once; their hidden values still fit the cache

Array = NDArray[np.float32]


class NumPyPredictor:
    """Labels pictures as `ImageModel` does, to 1e-5.

    Its buffers are made once for each number of pictures, so that asking again and again for as
    many allocates nothing but the answer. Several threads may ask; they take turns.

    Args:
        content: what a model file holds; see also `load_predictor`.

    Attributes:
        image_shape: height and width of the pictures.
        class_names: a name for each output.
        details: how the network came about.
    """

    def __init__(self, content: ModelContent) -> None:
        self.image_shape = content.image_shape
        self.class_names = content.class_names
        self.details = content.details
        num_pixels, *_, num_classes = content.spec.widths
        self._members = [
            NumPyNetwork(
                content.spec, {name: of[member] for name, of in content.parameters.items()}
            )
            for member in range(content.num_members)
        ]
        self._ones = np.ones((num_classes, 1), np.float32)
        self._turn = Lock()
        self._make_buffers(1, num_pixels)

    def probabilities(self, images: NDArray[Any]) -> Array:
        """Class probabilities, averaged over the members.

        Args:
            images: uint8, (num_images, height, width).

        Returns:
            float32, (num_images, num_classes); each row sums to 1.

        Raises:
            ImageFileError: the pictures have another shape.
            PredictionError: an answer is not a finite number.
        """
        rows = picture_rows(images, self.image_shape)
        answers = np.empty((len(rows), len(self._ones)), np.float32)
        with self._turn:
            for start in range(0, len(rows), _CHUNK_ROWS):
                end = start + _CHUNK_ROWS
                self._answer(rows[start:end], answers[start:end])
        check_answers(answers)
        return answers

    def _make_buffers(self, num_rows: int, num_pixels: int) -> None:
        self._inputs = np.empty((num_rows, num_pixels), np.float32)
        self._row_values = np.empty((num_rows, 1), np.float32)

    def _answer(self, rows: NDArray[Any], answers: Array) -> None:
        """Write the probabilities of rows (num_rows, pixels) into answers (num_rows, classes)."""
        if len(rows) != len(self._inputs):
            self._make_buffers(*rows.shape)
        np.copyto(self._inputs, rows)
        first, *others = self._members
        self._softmax(first.logits(self._inputs), answers)
        for member in others:
            logits = member.logits(self._inputs)
            answers += self._softmax(logits, logits)
        if others:
            answers /= len(self._members)

    def _softmax(self, logits: Array, out: Array) -> Array:
        """e^(z − max z) / Σ e^(z − max z): no exponential overflows. Changes the logits."""
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True, out=self._row_values)
        np.exp(logits, out=logits)
        return np.divide(logits, logits.dot(self._ones, self._row_values), out=out)


def load_predictor(path: str | Path) -> NumPyPredictor:
    """Read a model file, to label pictures with it.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return NumPyPredictor(read_model_file(path))
