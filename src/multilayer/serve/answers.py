"""The answers to the rows of requests, computed together and handed out one by one."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers
from multilayer.columns.number_format import NumberFormat
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import DataWarning
from multilayer.model.answers import Array
from multilayer.model.predictor import Predictor
from multilayer.runs.answer_columns import AnswerColumns
from multilayer.serve.questions import SOURCE, Rows, frame_of
from multilayer.serve.served_model import ServedModel

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Answered:
    """The answers to the rows of one request.

    Attributes:
        model: That answered.
        outputs: Of the networks, (num_members, num_rows, num_outputs).
        coverage: Of intervals or sets; None: without.
        notes: What was left out, changed or treated as missing.
        unseen: Counts of unseen categories.
    """

    model: Predictor
    outputs: Array
    coverage: float | None
    notes: tuple[str, ...]
    unseen: UnseenValues

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self.outputs.shape[1])

    def columns(self, *, with_probabilities: bool) -> tuple[list[str], list["pl.Series"]]:
        """Names and values as `multilayer predict` writes them."""
        columns = AnswerColumns(self.model, with_probabilities, self.coverage)
        return columns.names(), columns.of(self.outputs)

    @cached_property
    def of_members(self) -> Array:
        """Each member's numbers or probabilities, (num_members, num_rows, num_outputs)."""
        model = self.model
        if model.targets.task == "regression":
            return model.member_numbers(self.outputs)
        return model.member_probabilities(self.outputs)

    @cached_property
    def mean(self) -> Array:
        """Numbers or probabilities, (num_rows, num_outputs)."""
        mean: Array = self.of_members.mean(axis=0)
        return mean

    def parts(self) -> "Parts":
        """The answers as arrays."""
        model, targets, coverage = self.model, self.model.targets, self.coverage
        if targets.task == "regression":
            quantiles = None
            if len(targets.scale.quantiles) > 1:
                quantiles = targets.scale.by_quantile(self.mean)
            ends = None if coverage is None else model.intervals_of(self.of_members, coverage)
            return Parts(targets.scale.central(self.mean), interval=ends, quantiles=quantiles)
        if targets.task == "multilabel":
            return Parts((self.mean > 0.5).astype(np.int64), self.mean)
        labels = targets.decode_classes(self.mean.argmax(axis=1))
        is_in = None if coverage is None else model.sets_of(self.of_members, coverage)
        return Parts(labels, self.mean, is_in=is_in)


@dataclass(frozen=True)
class Parts:
    """Answers as arrays.

    Attributes:
        predictions: Classes, (num_rows,); labels or numbers, (num_rows, num_targets).
        probabilities: (num_rows, num_classes or num_labels); None for numbers.
        is_in: Whether each class is in the set, (num_rows, num_classes).
        interval: Lower and upper ends, each (num_rows, num_targets).
        quantiles: (num_rows, num_targets, num_quantiles).
    """

    predictions: NDArray[Any]
    probabilities: Array | None = None
    is_in: NDArray[np.bool_] | None = None
    interval: tuple[Array, Array] | None = None
    quantiles: Array | None = None


def check_options(
    model: Predictor, coverage: float | None, *, with_probabilities: bool = False
) -> None:
    """Refuse what the model cannot give.

    Raises:
        SettingsError: probabilities of numbers, a coverage that is out of range or of labels.
    """
    AnswerColumns(model, with_probabilities, coverage)


def answer(
    served: ServedModel, parts: Sequence[Rows], coverages: Sequence[float | None]
) -> list[Answered]:
    """Answer the rows of several requests, or of one, together.

    Raises:
        MultilayerError: a value does not fit; of one request the message names row and column.
        NotAlikeError: there is a note of which it cannot be told whose it is; ask one by one.
    """
    model, sizes = served.model, [rows.num_rows for rows in parts]
    unseen = UnseenOfEach(sizes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        if model.image_shape is not None:
            images = [rows.images for rows in parts if rows.images is not None]
            outputs = model.member_outputs(np.concatenate(images))
        else:
            frame = frame_of(served, parts)
            outputs = model.member_outputs(frame, SOURCE, 1, unseen)
            if len(parts) == 1:
                parts[0].answered = frame
    notes = [str(one.message) for one in caught if issubclass(one.category, DataWarning)]
    if notes and len(parts) > 1:
        raise NotAlikeError
    answered, start = [], 0
    for rows, coverage, found in zip(parts, coverages, unseen.parts, strict=True):
        said = (*rows.notes, *notes, *found.sentences(), *found.bare.sentences())
        slice_ = outputs[:, start : start + rows.num_rows]
        answered.append(Answered(model, slice_, coverage, said, found))
        start += rows.num_rows
    return answered


class NotAlikeError(Exception):
    """Requests must be answered one by one."""


class UnseenOfEach(UnseenValues):
    """Counts for each of several requests whose rows lie one after the other in a table.

    Attributes:
        parts: The counts of each.

    Args:
        sizes: Number of rows of each.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.parts: list[UnseenValues] = []
        self._slices: list[slice] = []
        start = 0
        for size in sizes:
            part = UnseenValues()
            part.num_rows = size
            self.parts.append(part)
            self._slices.append(slice(start, start + size))
            start += size
        self.bare = _BareOfEach(self)

    def note(self, series: "pl.Series", codes: NDArray[np.int64]) -> None:
        """See `UnseenValues`."""
        if len(codes) - np.count_nonzero(codes) == series.null_count():
            return
        if len(self.parts) == 1:  # perhaps a piece of its rows
            self.parts[0].note(series, codes)
            return
        for part, rows in zip(self.parts, self._slices, strict=True):
            part.note(series[rows], codes[rows])

    def each(self, series: "pl.Series") -> list[tuple[UnseenValues, "pl.Series"]]:
        """Each request's counts with its part of a column."""
        if len(self.parts) == 1:
            return [(self.parts[0], series)]
        return [(part, series[rows]) for part, rows in zip(self.parts, self._slices, strict=True)]


class _BareOfEach(BareNumbers):
    """`BareNumbers` for each request."""

    def __init__(self, owner: UnseenOfEach) -> None:
        super().__init__()
        self._owner = owner

    def note(self, series: "pl.Series", number_format: NumberFormat | None) -> None:
        """See `BareNumbers`."""
        if number_format is None:
            return
        for part, values in self._owner.each(series):
            part.bare.note(values, number_format)
