"""What is to be predicted: classes, several yes-or-no labels, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """How targets become what a network learns, and how its answers become targets again.

    Attributes:
        task: "binary" or "multiclass" (one of several classes), "multilabel" (several yes or no),
            or "regression" (one or several numbers).
        names: Of the target columns.
        classes: Of a classification, in ascending order; numbers come before text.
        scale: Of numbers; empty for other tasks.
        class_counts: Training rows of each class; empty for other tasks, and once they were stored.
        notes: What a person should know of the labels, such as spellings taken for one class; none
            once they were stored.
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
        """Learn classes, or means and ranges, from the targets of training rows.

        Args:
            values: As `target_array` takes them; none may be missing.
            task: None: as `infer_task` finds it. A classification becomes binary or multiclass by
                the number of its classes.
            names: None: those of the frame or the column given, or "target", "target 2", …
            loss: Of a regression, what will be minimised; see `NumberScale.fit`.
            quantiles: Of a regression, which are predicted; see `NumberScale.fit`.
            numbers: Of the rows in their file, from 0, for messages; None: 0, 1, 2, …

        Raises:
            TableError: there are no rows; a target is missing, infinite or not of the task's kind;
                or the task is left open, and text differs in most rows.
        """
        array = target_array(values)
        if task is not None and task not in get_args(Task):
            raise TableError(f"a task is one of {', '.join(get_args(Task))}, not {task!r}")
        if len(array) == 0:
            raise TableError("there are no targets to learn from")
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
        """The targets of a classification, from how often each label stands in the training rows.

        Args:
            labels: as they are written.
            task: None: it follows from the labels, which then must not nearly all differ.
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
        """The targets of images, whose labels are the numbers of their classes, from 0.

        Args:
            names: of the classes; one that stands there twice is numbered the second time.
        """
        different: dict[str, None] = {}
        for name in names:
            while name in different:
                name += f" ({len(different)})"
            different[name] = None
        return cls("binary" if len(different) <= 2 else "multiclass", ("label",), tuple(different))

    @property
    def number_types(self) -> tuple[str | None, ...]:
        """For each target, as what its text in a file is read; see `RowReader`."""
        return ("Float64" if self.task == "regression" else None,) * len(self.names)

    @property
    def num_outputs(self) -> int:
        """How many outputs a network needs: one a class, a label, a number or its quantile."""
        return len(self.classes) or len(self.names) * self.scale.num_outputs_each

    @property
    def is_classification(self) -> bool:
        """Whether one of several classes is to be predicted."""
        return self.task in ("binary", "multiclass")

    @property
    def class_array(self) -> NDArray[Any]:
        """The classes as an array, of objects if they are of several types."""
        kinds = {type(label) for label in self.classes}
        if len(kinds) == 1:
            array = np.array(self.classes)
            # NumPy would make floats of whole numbers beyond 64 bits.
            if kinds != {int} or array.dtype.kind in "iu":
                return array
        array = np.empty(len(self.classes), dtype=object)
        array[:] = self.classes
        return array

    def encode(self, values: Any, numbers: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Make what a network learns.

        Args:
            values: As `target_array` takes them.
            numbers: Of the rows in their file, from 0, for errors; None: 0, 1, 2, …

        Returns:
            Class numbers, int64, (num_rows,); labels 0 and 1, float32, (num_rows, num_labels); or
            numbers as `NumberScale.encode` makes them, float32, (num_rows, num_numbers).

        Raises:
            TableError: a target is missing, infinite, a class that was not in the training rows, or
                below 0 where counts are learned.
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
                f"is no class of the training rows: {enumerated([str(c) for c in self.classes])}"
            )
        return matched.numbers

    def matched(self, values: Any) -> MatchedLabels:
        """The classes of labels, some of which may be unknown; for a classification."""
        return MatchedLabels.of(self._checked(values, None), self.classes)

    def _checked(self, values: Any, numbers: NDArray[np.int64] | None) -> NDArray[Any]:
        array = target_array(values)
        if width_of(array) != len(self.names):
            raise TableError(f"there must be {len(self.names)} targets, not {width_of(array)}")
        require_present(array, self.names, numbers)
        return array

    def decode_classes(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The labels of class numbers, of the same shape."""
        return np.asarray(self.class_array[numbers])

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON document; `from_json` gives equal targets."""
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
            TableError: the document is something else.
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
            raise TableError(f"these are no targets: {error}") from error
        is_right = (
            targets.task in get_args(Task)
            and len(targets.names) > 0
            and all(isinstance(name, str) for name in targets.names)
            and all(isinstance(label, (str, int, float)) for label in targets.classes)
            and len(set(targets.classes)) == len(targets.classes)
            and (len(targets.classes) > 0) == targets.is_classification
        )
        if not is_right:
            raise TableError("these are no targets: a part is missing or of another kind")
        return targets


def _names_of(values: Any, array: NDArray[Any]) -> list[str]:
    columns = getattr(values, "columns", None)
    if columns is not None and len(columns) == width_of(array):
        return [str(name) for name in columns]
    name = getattr(values, "name", None)
    if array.ndim == 1:
        return [str(name) if name else "target"]
    return ["target", *(f"target {place}" for place in range(2, array.shape[1] + 1))]
