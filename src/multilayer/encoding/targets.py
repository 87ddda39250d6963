"""Encode and decode targets: classes, binary labels, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.labels import (
    Label,
    LabelCounts,
    MatchedLabels,
    SettledLabels,
    require_repeated,
)
from multilayer.columns.schema import enumerated
from multilayer.columns.target_checks import (
    labels_of,
    numbers_of,
    require_no_moments,
    require_present,
    shown_target,
    width_of,
)
from multilayer.columns.target_values import Task, infer_task, target_array
from multilayer.encoding.number_scale import NumberScale, require_counts
from multilayer.errors import TableError


@dataclass(frozen=True)
class Targets:
    """Encodes targets for training, and decodes predictions; fitted to the training rows only.

    Attributes:
        task: "binary" or "multiclass" (one of several classes), "multilabel" (several binary
            labels), or "regression" (one or several numbers).
        names: Of the target columns.
        classes: Of a classification, in ascending order; numbers come before text.
        scale: Of a regression; empty for other tasks.
        class_counts: Training rows of each class; empty for other tasks; not stored in files.
        notes: Sentences on the labels, such as spellings merged into one class; not stored.

    Examples:
        >>> from multilayer import Targets
        >>> targets = Targets("binary", ("churn",), ("no", "yes"))
        >>> targets.is_classification, targets.num_outputs
        (True, 2)
    """

    task: Task
    names: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    scale: NumberScale = field(default_factory=NumberScale)
    class_counts: tuple[int, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"<Targets: {self.task} of {enumerated(self.names)}{classes}>"

    @classmethod
    def fit(
        cls,
        values: Any,
        task: Task | None = None,
        names: Sequence[str] | None = None,
        *,
        loss: str = "squared_error",
        quantiles: Sequence[float] = (),
        numbers: NDArray[np.int64] | None = None,
    ) -> "Targets":
        """Fit classes, or means and ranges, to the targets of training rows.

        Args:
            values: Any argument of `target_array`; none may be missing.
            task: None: `infer_task`. Binary and multiclass are set by the number of classes.
            names: None: those of the frame or column given, or "target", "target 2", …
            loss: Of a regression; see `NumberScale.fit`.
            quantiles: Of a regression; see `NumberScale.fit`.
            numbers: Row indices in the file, from 0, for messages; None: 0, 1, 2, …

        Raises:
            TableError: there are no rows; a target is missing, infinite or does not fit the task;
                or `task` is None and most texts are distinct.
        """
        array = target_array(values)
        if task is not None and task not in get_args(Task):
            raise TableError(f"task must be one of {', '.join(get_args(Task))}, not {task!r}")
        if len(array) == 0:
            raise TableError("there are no training rows: the target is empty")
        names = tuple(names or _names_of(values, array))
        if len(names) != width_of(array):
            raise TableError(f"{width_of(array)} targets were given {len(names)} names")
        require_present(array, names, numbers)
        require_no_moments(array, names)
        found = task or infer_task(array)
        if found == "multilabel":
            labels_of(array, names, numbers)
            return cls(found, names)
        if found == "regression":
            values = numbers_of(array, names, numbers)
            return cls(found, names, (), NumberScale.fit(values, names, loss, quantiles))
        if array.ndim != 1:
            raise TableError(f"a {found} target must be one column, not {array.shape[1]}")
        return cls.of_labels(LabelCounts.of(array, numbers), task, names[0])

    @classmethod
    def of_labels(cls, labels: LabelCounts, task: Task | None, name: str) -> "Targets":
        """Fit the classes of a classification to the label counts of the training rows.

        Args:
            labels: counts of the labels as they are spelled.
            task: None: inferred, in which case most labels must repeat.
            name: of the column.

        Raises:
            TableError: the labels cannot be classes.
        """
        settled = SettledLabels.of(labels, name)
        if task is None:
            require_repeated(settled, labels, name)
        return cls(
            "binary" if len(settled.classes) <= 2 else "multiclass",
            (name,),
            settled.classes,
            class_counts=settled.counts,
            notes=settled.notes,
        )

    @classmethod
    def of_class_names(cls, names: Sequence[str]) -> "Targets":
        """Targets of images, whose labels are class numbers from 0.

        Args:
            names: of the classes; repeated names get a number in parentheses.
        """
        different: dict[str, None] = {}
        for name in names:
            while name in different:
                name += f" ({len(different)})"
            different[name] = None
        return cls("binary" if len(different) <= 2 else "multiclass", ("label",), tuple(different))

    @property
    def number_types(self) -> tuple[str | None, ...]:
        """The polars type that text of each target is converted to; see `RowReader`."""
        return ("Float64" if self.task == "regression" else None,) * len(self.names)

    @property
    def num_outputs(self) -> int:
        """Number of network outputs: one for each class, label, number or quantile of a number."""
        return len(self.classes) or len(self.names) * self.scale.num_outputs_each

    @property
    def is_classification(self) -> bool:
        """Whether the task is binary or multiclass."""
        return self.task in ("binary", "multiclass")

    @property
    def class_array(self) -> NDArray[Any]:
        """The classes as an array, of dtype object if they have several types."""
        kinds = {type(label) for label in self.classes}
        if len(kinds) == 1:
            array = np.array(self.classes)
            # NumPy converts integers beyond 64 bits to floats, and cuts NUL off the ends of texts.
            is_kind = kinds != {int} or array.dtype.kind in "iu"
            if is_kind and array.tolist() == list(self.classes):
                return array
        array = np.empty(len(self.classes), dtype=object)
        array[:] = self.classes
        return array

    def encode(self, values: Any, numbers: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Encode targets for training.

        Args:
            values: Any argument of `target_array`.
            numbers: Row indices in the file, from 0, for errors; None: 0, 1, 2, …

        Returns:
            Class numbers, int64, (num_rows,); labels 0 and 1, float32, (num_rows, num_labels); or
            numbers scaled by `NumberScale.encode`, float32, (num_rows, num_numbers).

        Raises:
            TableError: a target is missing, infinite, a class that was not in the training rows, or
                negative if targets are counts.
        """
        array = self._checked(values, numbers)
        if self.task == "multilabel":
            return labels_of(array, self.names, numbers)
        if self.task == "regression":
            found = numbers_of(array, self.names, numbers)
            if self.scale.are_counts:
                require_counts(found, self.names)
            return self.scale.encode(found)
        matched = MatchedLabels.of(array, self.classes)
        if matched.unknown:
            place = int(np.argmax(matched.numbers < 0))
            row = place if numbers is None else int(numbers[place])
            raise TableError(
                f"row {row + 1} of target {self.names[0]!r} is {shown_target(array[place])}, which "
                f"is not a class of the training rows: {enumerated([str(c) for c in self.classes])}"
            )
        return matched.numbers

    def matched(self, values: Any) -> MatchedLabels:
        """Classes of labels, which may be unknown; for a classification."""
        return MatchedLabels.of(self._checked(values, None), self.classes)

    def _checked(self, values: Any, numbers: NDArray[np.int64] | None) -> NDArray[Any]:
        array = target_array(values)
        if width_of(array) != len(self.names):
            raise TableError(f"there must be {len(self.names)} targets, not {width_of(array)}")
        require_present(array, self.names, numbers)
        return array

    def decode_classes(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Labels of class numbers, in the same shape."""
        return np.asarray(self._decoded[numbers])

    @cached_property
    def _decoded(self) -> NDArray[Any]:
        return self.class_array

    def to_json(self) -> dict[str, Any]:
        """The targets as a JSON document, for `from_json`."""
        return {
            "task": self.task,
            "names": list(self.names),
            "classes": list(self.classes),
            **self.scale.to_json(),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Targets":
        """Read what `to_json` made.

        Raises:
            TableError: the document is invalid.
        """
        try:
            num_numbers = len(document["names"]) if document["task"] == "regression" else 0
            targets = cls(
                document["task"],
                tuple(document["names"]),
                tuple(document["classes"]),
                NumberScale.from_json(document, num_numbers),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TableError(f"this is not a description of targets: {error}") from error
        is_right = (
            targets.task in get_args(Task)
            and len(targets.names) > 0
            and all(isinstance(name, str) for name in targets.names)
            and all(isinstance(label, (str, int, float)) for label in targets.classes)
            and len(set(targets.classes)) == len(targets.classes)
            and (len(targets.classes) > 0) == targets.is_classification
        )
        if not is_right:
            raise TableError("this is not a description of targets: a field is invalid")
        return targets


def _names_of(values: Any, array: NDArray[Any]) -> list[str]:
    columns = getattr(values, "columns", None)
    if columns is not None and len(columns) == width_of(array):
        return [str(name) for name in columns]
    name = getattr(values, "name", None)
    if array.ndim == 1:
        return [str(name) if name else "target"]
    return ["target", *(f"target {place}" for place in range(2, array.shape[1] + 1))]
