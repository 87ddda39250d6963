"""Predictions for images and tables, without PyTorch; subclasses compute the outputs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.encoding.unseen_values import OnUnseen, UnseenValues
from multilayer.errors import DataError, SettingsError
from multilayer.model.conformal import ConformalScores, intervals_of_numbers
from multilayer.model.finiteness import check_answers

if TYPE_CHECKING:
    from multilayer.columns.schema import Schema
    from multilayer.encoding.encoder import Encoder

Array = NDArray[Any]  # float64 of tables, float32 of images
_MOST_ENCODED = 2**25  # encoded values in memory at once


@dataclass(frozen=True, eq=False)
class Answers(ABC):
    """Everything between raw rows and predictions, except the networks.

    Rows are images, (num_images, height, width) or one image, integers from 0 to 255; or a table in
    any form that `as_frame` takes, whose columns are found by name. Predictions for tables are
    computed in float64, so that a row's prediction does not depend on the other rows; for images in
    float32.

    Args:
        schema: of a table; None: rows are images.
        encoder: encodes rows as network inputs.
        targets: decode outputs; the classes of images are their names.
        temperature: logits are divided by it.
        uniform_share: weight of the fixed distribution `spread` in the probabilities.
        spread: probabilities of the classes; None: uniform.
        conformal: scores of held-out rows, for intervals and sets; None: there were none.
        clips: whether numbers are clipped to the range of the training rows.
        details: how the model was trained; kept in the file.
        on_unseen: for categories that were not in the training rows: "warn" (a `DataWarning`),
            "error" (a `TableError`) or "ignore"; not kept in the file.
    """

    schema: "Schema | None"
    encoder: "Encoder | ImageEncoder"
    targets: Targets
    temperature: float = field(default=1.0, kw_only=True)
    uniform_share: float = field(default=0.0, kw_only=True)
    spread: tuple[float, ...] | None = field(default=None, kw_only=True)
    conformal: ConformalScores | None = field(default=None, kw_only=True)
    clips: bool = field(default=False, kw_only=True)
    details: dict[str, Any] = field(default_factory=dict, kw_only=True)
    on_unseen: OnUnseen = field(default="warn", kw_only=True)

    def __repr__(self) -> str:
        """Target and features in one line."""
        targets = self.targets
        names = ", ".join(map(repr, targets.names[:3]))
        more = len(targets.names) - 3
        what = f"{names} and {more} more" if more > 0 else names
        if targets.task in ("binary", "multiclass"):
            what += f" ({len(targets.classes)} classes)"
        elif targets.task == "multilabel":
            what += " (labels)"
        if self.schema is None:
            rows = "images of {} x {}".format(*self.image_shape or ())
        else:
            num_inputs = len(self.schema.inputs)
            rows = f"{num_inputs} column{'' if num_inputs == 1 else 's'}"
        return f"<{type(self).__name__}: {what:.200} from {rows}>"

    @abstractmethod
    def encoded_outputs(self, inputs: NDArray[Any]) -> Array:
        """Outputs of each member's last layer for encoded rows.

        Args:
            inputs: from the encoder, (num_rows, row_width).

        Returns:
            (num_members, num_rows, num_outputs), in the encoder's `answer_dtype`.
        """

    @abstractmethod
    def single_precision_outputs(
        self, inputs: NDArray[np.float32], member: int | None = None
    ) -> Array:
        """`encoded_outputs` computed in float32: for statistics of many rows, in half the time.

        Args:
            inputs: from the encoder, (num_rows, row_width).
            member: the place of the only member to ask; None: all.

        Returns:
            (num_members, num_rows, num_outputs), float32; of one member (1, num_rows, num_outputs).
        """

    @property
    @abstractmethod
    def num_members(self) -> int:
        """Number of networks whose predictions are averaged."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as text; empty for multilabel and regression."""
        return tuple(map(str, self.targets.classes))

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Height and width of images; None for tables."""
        return self.encoder.image_shape

    @property
    def table_encoder(self) -> "Encoder":
        """The encoder of a table.

        Raises:
            DataError: rows are images.
        """
        if isinstance(self.encoder, ImageEncoder):
            raise DataError("this model classifies images; only models of tables have columns")
        return self.encoder

    @property
    def table_schema(self) -> "Schema":
        """The schema of a table.

        Raises:
            DataError: rows are images.
        """
        if self.schema is None:
            raise DataError("this model classifies images; only models of tables have columns")
        return self.schema

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction for each row.

        Args:
            X: images or a table.

        Returns:
            Classes, (num_rows,), for images their names; labels 0 and 1, (num_rows, num_labels); or
            numbers, (num_rows,), for several targets (num_rows, num_targets).

        Raises:
            TableError: columns are missing or a value does not fit its column's kind.
            ImageFileError: the shape differs, or the values are not integers from 0 to 255.
            PredictionError: a prediction is not finite.
        """
        if self.targets.is_classification:
            return self.targets.decode_classes(self.probabilities(X).argmax(axis=1))
        if self.targets.task == "multilabel":
            return (self.probabilities(X) > 0.5).astype(np.int64)
        numbers = self.numbers(X)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def probabilities(self, X: Any) -> Array:
        """Probabilities of classes, (num_rows, num_classes), or of labels, (num_rows, num_labels).

        They are averaged over the members; each row of classes sums to 1.

        Raises:
            SettingsError: the task is a regression.
            TableError: columns are missing or a value does not fit its column's kind.
            ImageFileError: the shape differs, or the values are not integers from 0 to 255.
            PredictionError: a prediction is not finite.
        """
        of_members = self.member_probabilities(self.member_outputs(X))
        num_members = len(of_members)
        mean: Array = of_members[0] if num_members == 1 else np.add.reduce(of_members, axis=0)
        if num_members > 1:
            mean /= num_members
        return mean

    def numbers(self, X: Any) -> Array:
        """Predicted numbers, (num_rows, num_targets); the median if there are several quantiles.

        Raises:
            SettingsError: the task is not a regression.
            TableError: columns are missing or a value does not fit its column's kind.
        """
        mean: Array = self.member_numbers(self.member_outputs(X)).mean(axis=0)
        return self.targets.scale.central(mean)

    def quantiles(self, X: Any) -> Array:
        """Predicted quantiles, ascending, (num_rows, num_targets, num_quantiles).

        Raises:
            SettingsError: the model was fitted with another loss than "quantile".
            TableError: columns are missing or a value does not fit its column's kind.
        """
        if not self.targets.scale.quantiles:
            raise SettingsError("only a model fitted with the loss 'quantile' predicts quantiles")
        mean: Array = self.member_numbers(self.member_outputs(X)).mean(axis=0)
        return self.targets.scale.by_quantile(mean)

    def intervals(self, X: Any, coverage: float = 0.9) -> tuple[Array, Array]:
        """Prediction intervals that hold the true number with probability `coverage`.

        Returns:
            Lower and upper ends, each (num_rows, num_targets); see `intervals_of_numbers`.

        Raises:
            SettingsError: the task is not a regression, or the coverage is out of range.
            DataError: the model was fitted without held-out rows, or with too few.
            TableError: columns are missing or a value does not fit its column's kind.
        """
        return self.intervals_of(self.member_numbers(self.member_outputs(X)), coverage)

    def sets(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Prediction sets that hold the true class with probability `coverage`.

        Returns:
            Whether each class is in the set, (num_rows, num_classes); see `ConformalScores`.

        Raises:
            SettingsError: the task is not a classification, or the coverage is out of range.
            DataError: the model was fitted without held-out rows.
            TableError: columns are missing or a value does not fit its column's kind.
        """
        if not self.targets.is_classification:
            raise SettingsError(
                f"prediction sets need a classification; the task is {self.targets.task}"
            )
        return self.sets_of(self.member_probabilities(self.member_outputs(X)), coverage)

    def member_outputs(
        self,
        X: Any,
        source: str = "the table",
        first_row: int = 1,
        unseen: UnseenValues | None = None,
    ) -> Array:
        """Outputs of each member's last layer, (num_members, num_rows, num_outputs).

        Args:
            X: images or a table.
            source: name of the table in errors.
            first_row: number of the first row, for errors.
            unseen: unseen categories are added to it, without a warning; None: see `on_unseen`.

        Raises:
            TableError: columns are missing or a value does not fit its column's kind.
            ImageFileError: the shape differs, or the values are not integers from 0 to 255.
            PredictionError: an output is not finite.
        """
        encoder, found = self.encoder, unseen
        if found is None and self.schema is not None:
            found = UnseenValues()
        rows: Any = encoder.as_rows(X)
        rows_at_once = self._rows_encoded_at_once
        if len(rows) <= rows_at_once:  # a row is answered in as little time as a few slices take
            outputs = self.encoded_outputs(encoder.encode(rows, source, first_row, found))
        else:
            parts = []
            for start in range(0, len(rows), rows_at_once):
                piece = rows[start : start + rows_at_once]
                inputs = encoder.encode(piece, source, first_row + start, found)
                parts.append(self.encoded_outputs(inputs))
            outputs = np.concatenate(parts, axis=1)
        if unseen is None and found is not None:
            found.report(self.on_unseen)
        check_answers(outputs, axis=1)
        return outputs

    @cached_property
    def _rows_encoded_at_once(self) -> int:
        return max(1, _MOST_ENCODED // max(self.encoder.row_width, 1))

    def member_probabilities(self, outputs: Array) -> Array:
        """Calibrated probabilities from each member's outputs, in the same shape.

        Raises:
            SettingsError: the task is a regression.
        """
        if self.targets.task == "regression":
            raise SettingsError("this model predicts numbers, which have no probabilities")
        probabilities: Array = outputs if self.temperature == 1 else outputs / self.temperature
        if self.targets.task == "multilabel":
            probabilities = 0.5 * (1 + np.tanh(0.5 * probabilities))
            spread: float | Array = 0.5
        else:  # softmax without overflow
            most: Any  # of one row it is found in half the time
            if probabilities.size == probabilities.shape[-1]:
                most = probabilities.item(probabilities.argmax())
            else:
                most = np.maximum.reduce(probabilities, axis=-1, keepdims=True)
            probabilities = probabilities - most
            np.exp(probabilities, out=probabilities)
            probabilities /= np.add.reduce(probabilities, axis=-1, keepdims=True)
            spread = 1 / outputs.shape[-1]
            if self.spread is not None:
                spread = np.array(self.spread, outputs.dtype)
        if not self.uniform_share:
            return probabilities
        return (1 - self.uniform_share) * probabilities + self.uniform_share * spread

    def member_numbers(self, outputs: Array) -> Array:
        """Numbers from each member's outputs, in the same shape; see `NumberScale.decode`.

        Raises:
            SettingsError: the task is not a regression.
            PredictionError: a number overflows.
        """
        if self.targets.task != "regression":
            raise SettingsError(f"numbers need a regression; the task is {self.targets.task}")
        numbers = self.targets.scale.decode(outputs, clip=self.clips)
        check_answers(numbers, axis=1)
        return numbers

    def intervals_of(self, numbers: Array, coverage: float) -> tuple[Array, Array]:
        """`intervals` from each member's numbers, (num_members, num_rows, num_outputs)."""
        scores = self._held_out_scores()
        return intervals_of_numbers(self.targets.scale, scores, self._as_scored(numbers), coverage)

    def sets_of(self, probabilities: Array, coverage: float) -> NDArray[np.bool_]:
        """`sets` from each member's probabilities, (num_members, num_rows, num_classes)."""
        return self._held_out_scores().sets(self._as_scored(probabilities), coverage)

    def _as_scored(self, answers: Array) -> Array:
        """The members' predictions, or their mean if the conformal scores are of the mean."""
        if len(self._held_out_scores().of_members) == len(answers):
            return answers
        mean: Array = answers.mean(axis=0, keepdims=True)
        return mean

    def _held_out_scores(self) -> ConformalScores:
        if self.conformal is None:
            raise DataError(
                "this model was fitted without held-out rows, which intervals and sets need"
            )
        return self.conformal
