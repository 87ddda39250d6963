"""Answers of a trained network, with NumPy alone.

    import answer
    model = answer.load()                       # reads model.npz beside this file
    model.columns                               # what a row consists of
    model.answers({"size": [3.5, None], …})     # a list or an array for each column

Images are one array of bytes, (num_images, height, width). Numbers may be missing (None, NaN) and
are otherwise numbers, or text such as 1234.5. Dates are datetime.date, datetime.datetime, numpy's
datetime64, text such as 2024-01-31, or numbers of days since 1970-01-01. Categories are text,
numbers or booleans, as in the rows that the network learned from.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.export.program.columns import Columns
from multilayer.export.program.network import mixed_outputs

ROWS_AT_ONCE = 1000
Array = Any  # numpy.ndarray


def load(path: Any = None) -> "Model":
    """The model of a file; left out, of model.npz beside this program."""
    path = path or Path(__file__).with_name("model.npz")
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return Model(json.loads(arrays.pop("document").tobytes()), arrays)


class Model:
    """A population of networks, or a mixture of several; the members' answers are averaged."""

    def __init__(self, document: dict[str, Any], arrays: dict[str, Array]) -> None:
        self.document, self.arrays = document, arrays
        self.targets, self.encoder = document["targets"], document["encoder"]
        self.is_of_images = self.encoder["kind"] == "images"
        self.dtype = np.float32 if self.is_of_images else np.float64

    @property
    def columns(self) -> list[str]:
        """Names of the columns; none for images."""
        return Columns(self.document).names

    def answers(self, rows: Any) -> dict[str, Array]:
        """The label and probabilities; labels and probabilities; or prediction and quantiles."""
        task = self.targets["task"]
        if task == "regression":
            numbers = self.member_numbers(rows).mean(0)  # (num_rows, num_targets, num_each)
            levels = self.targets["quantiles"] or [0.5]
            place = np.interp(0.5, levels, np.arange(len(levels)))
            below, share = int(place), place % 1
            above = min(below + 1, len(levels) - 1)
            found = {"prediction": (1 - share) * numbers[..., below] + share * numbers[..., above]}
            return found | ({"quantiles": numbers} if self.targets["quantiles"] else {})
        probabilities = self.member_probabilities(rows).mean(0)
        if task == "multilabel":
            return {"labels": (probabilities > 0.5).astype(int), "probabilities": probabilities}
        classes = np.array(self.targets["classes"])
        if classes.tolist() != self.targets["classes"]:  # of several types, or very large
            classes = np.array(self.targets["classes"], object)
        return {"label": classes[probabilities.argmax(1)], "probabilities": probabilities}

    def sets(self, rows: Any, coverage: float = 0.9) -> Array:
        """Which classes are in the prediction set of each row, (num_rows, num_classes)."""
        scores, rank = self._scores(coverage)
        probabilities = self.member_probabilities(rows)
        if len(scores) < len(probabilities):
            probabilities = probabilities.mean(0, keepdims=True)
        pairs = zip(scores, probabilities, strict=True)
        num_better = sum(np.searchsorted(one[:, 0], 1 - of_member) for one, of_member in pairs)
        is_in = num_better < rank
        is_in[np.arange(len(is_in)), probabilities.mean(0).argmax(1)] = True
        return is_in

    def intervals(self, rows: Any, coverage: float = 0.9) -> tuple[Array, Array]:
        """Lower and upper ends of prediction intervals, each (num_rows, num_targets)."""
        scores, rank = self._scores(coverage)
        if rank > sum(map(len, scores)):
            raise ValueError(f"too few rows were held out for intervals of coverage {coverage:g}")
        numbers = self.member_numbers(rows)
        if len(scores) < len(numbers):
            numbers = numbers.mean(0, keepdims=True)
        if self.targets["are_counts"]:
            numbers = np.sqrt(numbers)

        def smallest(predictions: Array) -> Array:
            """The rank-th smallest of prediction + score over the scores of all members."""
            ends = [p[:, None] + one for p, one in zip(predictions, scores, strict=True)]
            return np.partition(np.concatenate(ends, axis=1), rank - 1, axis=1)[:, rank - 1]

        parts = []
        for start in range(0, numbers.shape[1], ROWS_AT_ONCE // 10):
            some = numbers[:, start : start + ROWS_AT_ONCE // 10]
            parts.append(np.stack([-smallest(-some[..., 0]), smallest(some[..., -1])]))
        shape = (2, 0, len(self.targets["names"]))
        low, high = np.concatenate(parts, axis=1) if parts else np.empty(shape)
        middle = (low + high) / 2
        low, high = np.minimum(low, middle), np.maximum(high, middle)
        if self.targets["are_counts"]:
            return np.maximum(low, 0) ** 2, np.maximum(high, 0) ** 2
        return low, high

    def member_probabilities(self, rows: Any) -> Array:
        """Calibrated probabilities of each member, (num_members, num_rows, num_classes)."""
        outputs = self.outputs(rows) / self.dtype(self.document["temperature"])
        share, spread = self.dtype(self.document["uniform_share"]), self.document["spread"]
        if self.targets["task"] == "multilabel":
            return (1 - share) * 0.5 * (1 + np.tanh(0.5 * outputs)) + share * self.dtype(0.5)
        powers = np.exp(outputs - outputs.max(-1, keepdims=True))
        probabilities = powers / powers.sum(-1, keepdims=True)
        spread = np.array(spread or 1 / outputs.shape[-1], self.dtype)
        return (1 - share) * probabilities + share * spread

    def member_numbers(self, rows: Any) -> Array:
        """Predicted numbers, (num_members, num_rows, num_targets, number of quantiles or 1)."""
        means, deviations, lowest, highest = (
            np.array(self.targets[name])[:, None]
            for name in ("means", "deviations", "lowest", "highest")
        )
        outputs = self.outputs(rows)
        num_each = outputs.shape[-1] // len(means)
        outputs = outputs.reshape(*outputs.shape[:2], len(means), num_each)
        if self.targets["are_counts"]:
            outputs = np.exp(outputs)
        numbers = outputs * deviations + means
        if self.document["clips"]:
            numbers = np.clip(numbers, lowest, highest)
        return np.sort(numbers, axis=-1)

    def outputs(self, rows: Any) -> Array:
        """Outputs of the networks' last layers, (num_members, num_rows, num_outputs)."""
        numbers, passed, codes = (
            self.images(rows) if self.is_of_images else Columns(self.document).encoded(rows)
        )
        parts = [
            mixed_outputs(self.document, self.arrays, numbers[some], passed[some], codes[some])
            for start in range(0, max(len(passed), 1), ROWS_AT_ONCE)
            for some in [slice(start, start + ROWS_AT_ONCE)]
        ]
        return np.concatenate(parts, axis=1)

    def images(self, images: Any) -> tuple[Array, Array, Array]:
        """Bytes as they are, one row for each image."""
        images = np.asarray(images)
        shape = tuple(self.encoder["image_shape"])
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != shape:
            raise ValueError(f"images must be uint8, (num_images, {shape[0]}, {shape[1]})")
        flat = images.reshape(len(images), shape[0] * shape[1]).astype(self.dtype)
        return flat[:, :0], flat, np.empty((len(flat), 0), np.int64)

    def _scores(self, coverage: float) -> tuple[list[Array], int]:
        """Scores of held-out rows by member, and the rank of the one that the coverage needs."""
        names = [f"conformal.{m}" for m in range(len(self.document["num_conformal_rows"]))]
        if not names:
            raise ValueError("the network was trained without held-out rows")
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1; it is {coverage!r}")
        scores = [self.arrays[name] for name in names]
        return scores, math.ceil(coverage * (sum(map(len, scores)) + 1) - 1e-9)
