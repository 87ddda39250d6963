"""Evaluate a model on labelled rows of a table or on labelled images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.targets import Targets
from multilayer.metrics.calibration import Reliability, reliability_of_answers
from multilayer.metrics.intervals import wilson_interval
from multilayer.metrics.scores import Score, absent_classes, absent_in_words, scores_of
from multilayer.model.answers import Answers

_COVERAGE = 0.9

Array = NDArray[Any]
_NOTHING: Array = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores on labelled rows.

    Attributes:
        data: where the rows are from.
        targets: what is predicted.
        num_rows: rows that are scored.
        scores: each with its interval.
        labels: of a classification the number of each row's class, (num_rows,); else empty.
        predicted: of a classification the number of the class that is answered, (num_rows,).
        confidences: of a classification the probability of that class, (num_rows,).
        notes: what a person should know of the rows, a sentence each.
        coverage: asked for of intervals or sets, and how much was covered; None where the model
            has none.
        num_without_target: rows left out because their target is missing.
        num_unknown: rows left out because their label is no class of the model.
    """

    data: str
    targets: Targets
    num_rows: int
    scores: list[Score]
    labels: Array
    predicted: Array
    confidences: Array
    notes: tuple[str, ...] = ()
    coverage: tuple[float, float] | None = None
    num_without_target: int = 0
    num_unknown: int = 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as text; empty for other tasks."""
        return tuple(map(str, self.targets.classes))

    @property
    def accuracy(self) -> float | None:
        """Share of rows classified correctly; None for other tasks."""
        if not self.targets.is_classification:
            return None
        return float((self.labels == self.predicted).mean())

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """95% confidence interval of the accuracy (Wilson, 1927); None for other tasks."""
        if not self.targets.is_classification:
            return None
        return wilson_interval(int((self.labels == self.predicted).sum()), len(self.labels))

    @cached_property
    def reliability(self) -> Reliability | None:
        """Calibration of the class probabilities; None for other tasks."""
        if not self.targets.is_classification:
            return None
        return reliability_of_answers(self.confidences, self.labels == self.predicted)

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64] | None:
        """Confusion matrix, rows true and columns predicted classes; None for other tasks."""
        if not self.targets.is_classification:
            return None
        num_classes = len(self.targets.classes)
        cells = self.labels * num_classes + self.predicted
        return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)

    @property
    def precision(self) -> Array:
        """Precision of each class; NaN if it was never predicted."""
        matrix = self.confusion_matrix
        return np.empty(0) if matrix is None else _share(matrix.diagonal(), matrix.sum(axis=0))

    @property
    def recall(self) -> Array:
        """Recall of each class; NaN if it has no rows."""
        matrix = self.confusion_matrix
        return np.empty(0) if matrix is None else _share(matrix.diagonal(), matrix.sum(axis=1))

    @property
    def mistakes(self) -> NDArray[np.int64]:
        """Misclassified rows, the most confident mistake first."""
        wrong = np.flatnonzero(self.labels != self.predicted)
        return wrong[np.argsort(-self.confidences[wrong], kind="stable")]

    def of_classes(self) -> list[tuple[str, float, float, int]]:
        """Name, precision, recall and rows of each class; NaN if undefined."""
        counts = np.bincount(self.labels, minlength=len(self.targets.classes)).tolist()
        return list(
            zip(
                self.class_names, self.precision.tolist(), self.recall.tolist(), counts,
                strict=False,
            )
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All figures as a JSON document, null if undefined."""
        matrix, bins, interval = self.confusion_matrix, self.reliability, self.accuracy_interval
        return {
            "data": self.data,
            "task": self.targets.task,
            "target": list(self.targets.names),
            "num_rows": self.num_rows,
            "num_rows_without_target": self.num_without_target,
            "num_rows_of_unknown_classes": self.num_unknown,
            "notes": list(self.notes),
            "accuracy": self.accuracy,
            "accuracy_interval": None if interval is None else list(interval),
            "scores": [score.to_json() for score in self.scores],
            "classes": [
                {
                    "class": label,
                    "precision": None if np.isnan(precision) else precision,
                    "recall": None if np.isnan(recall) else recall,
                    "num_rows": num_rows,
                }
                for label, precision, recall, num_rows in self.of_classes()
            ],
            "confusion_matrix": None if matrix is None else matrix.tolist(),
            "expected_calibration_error": None if bins is None else float(bins.expected_error),
            "coverage": None
            if self.coverage is None
            else {"asked": self.coverage[0], "covered": self.coverage[1]},
        }


def evaluation_of(
    model: Answers,
    outputs: Array,
    truths: Array,
    data: str,
    *,
    notes: tuple[str, ...] = (),
    num_without_target: int = 0,
    num_unknown: int = 0,
) -> Evaluation:
    """Evaluate a model's outputs for labelled rows.

    Args:
        model: that answers.
        outputs: as `Answers.member_outputs` gives them for the rows.
        truths: the encoded targets of the rows.
        data: where the rows are from.
        notes: what a person should know of the rows.
        num_without_target: see `Evaluation`.
        num_unknown: see `Evaluation`.
    """
    targets = model.targets
    is_regression = targets.task == "regression"
    of_members = (model.member_numbers if is_regression else model.member_probabilities)(outputs)
    answers = of_members.mean(axis=0).astype(np.float64)
    absent = absent_classes(targets, truths)
    if absent:
        notes += (absent_in_words(absent, len(targets.classes)),)
    return Evaluation(
        data,
        targets,
        len(truths),
        scores_of(targets, answers, truths),
        truths if targets.is_classification else _NOTHING,
        answers.argmax(axis=1) if targets.is_classification else _NOTHING,
        answers.max(axis=1) if targets.is_classification else _NOTHING,
        notes,
        _coverage(model, of_members, truths),
        num_without_target,
        num_unknown,
    )


def _coverage(model: Answers, of_members: Array, truths: Array) -> tuple[float, float] | None:
    """Nominal and empirical coverage of prediction intervals or sets."""
    if model.conformal is None or model.targets.task == "multilabel":
        return None
    if model.targets.is_classification:
        is_in = model.sets_of(of_members, _COVERAGE)
        return _COVERAGE, float(is_in[np.arange(len(truths)), truths].mean())
    if model.conformal.num_rows < 1 / (1 - _COVERAGE):
        return None
    numbers = model.targets.scale.restore(truths)
    low, high = model.intervals_of(of_members, _COVERAGE)
    return _COVERAGE, float(((low <= numbers) & (numbers <= high)).mean())


def _share(part: Array, whole: Array) -> Array:
    shares: Array = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
