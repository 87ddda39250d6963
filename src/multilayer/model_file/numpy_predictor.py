"""A trained network that answers through NumPy: ready at once, as it needs no PyTorch."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.model_file.numpy_activations import NUMPY_ACTIVATIONS
from multilayer.model_file.reading import ModelContent, picture_rows, read_model_file

_CHUNK_ROWS = 512  # answered at once; their hidden values still fit the cache
_ALIGNMENT_BYTES = 64  # a line of the processor's cache

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
        self._activate = NUMPY_ACTIVATIONS[content.spec.activation]
        self._widths = content.spec.widths
        # For each member, weight (inputs, outputs) and bias (1, outputs) of its layers.
        self._members: list[list[tuple[Array, Array]]] = []
        for member in range(content.num_members):
            layers = [
                (content.parameters[weight.name][member], content.parameters[bias.name][member])
                for weight, bias in content.spec.linear_layers
            ]
            # Scaling the weights once saves scaling every picture: x (s W) = (s x) W.
            first_weight, first_bias = layers[0]
            layers[0] = (first_weight * np.float32(content.spec.input_scale), first_bias)
            self._members.append([(_aligned(weight), bias) for weight, bias in layers])
        self._ones = np.ones((self._widths[-1], 1), np.float32)
        self._turn = Lock()
        self._make_buffers(1)

    def probabilities(self, images: NDArray[Any]) -> Array:
        """Class probabilities, averaged over the members.

        Args:
            images: uint8, (num_images, height, width).

        Returns:
            float32, (num_images, num_classes); each row sums to 1.

        Raises:
            ImageFileError: the pictures have another shape.
        """
        rows = picture_rows(images, self.image_shape)
        answers = np.empty((len(rows), self._widths[-1]), np.float32)
        with self._turn:
            for start in range(0, len(rows), _CHUNK_ROWS):
                end = start + _CHUNK_ROWS
                self._answer(rows[start:end], answers[start:end])
        return answers

    def _make_buffers(self, num_rows: int) -> None:
        self._inputs = np.empty((num_rows, self._widths[0]), np.float32)
        self._values = [np.empty((num_rows, width), np.float32) for width in self._widths[1:]]
        self._row_values = np.empty((num_rows, 1), np.float32)

    def _answer(self, rows: NDArray[Any], answers: Array) -> None:
        """Write the probabilities of rows (num_rows, pixels) into answers (num_rows, classes)."""
        if len(rows) != len(self._inputs):
            self._make_buffers(len(rows))
        np.copyto(self._inputs, rows)
        first, *others = self._members
        self._softmax(self._logits(first), answers)
        for layers in others:
            logits = self._logits(layers)
            answers += self._softmax(logits, logits)
        if others:
            answers /= len(self._members)

    # Written for one row as well as for many: there, each call of NumPy costs about as much as its
    # arithmetic. The method `dot` is its quickest matrix product.

    def _logits(self, layers: list[tuple[Array, Array]]) -> Array:
        values = self._inputs
        for number, (weight, bias) in enumerate(layers):
            if number > 0:
                self._activate(values)
            values = values.dot(weight, self._values[number])
            values += bias
        return values

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


def _aligned(matrix: Array) -> Array:
    """A copy that starts at the start of a cache line; products with it are a tenth faster."""
    memory = np.empty(matrix.nbytes + _ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT_BYTES
    copy = memory[start : start + matrix.nbytes].view(np.float32).reshape(matrix.shape)
    copy[:] = matrix
    return copy
