"""What is to be predicted: classes, several yes-or-no labels, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilayer.data.number_scale import NumberScale, require_counts
from multilayer.data.schema import enumerated
from multilayer.data.target_checks import (
    labels_of,
    numbers_of,
    plain,
    require_present,
    shown_target,
    width_of,
)
from multilayer.data.target_values import Task, infer_task, target_array
from multilayer.errors import TableError

Label = str | int | float | bool


@dataclass(frozen=True)
class Targets:
    """How targets become what a network learns, and how its answers become targets again.

    Attributes:
        task: "binary" or "multiclass" (one of several classes), "multilabel" (several yes or no),
            or "regression" (one or several numbers).
        names: Of the target columns.
        classes: Of a classification, in ascending order; numbers come before text.
        scale: Of numbers; empty for other tasks.
    """

    task: Task
    names: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    scale: NumberScale = field(default_factory=NumberScale)

    @classmethod
    def fit(
        cls,
        values: Any,
        task: Task | None = None,
        names: Sequence[str] | None = None,
        *,
        loss: str = "squared_error",
        quantiles: Sequence[float] = (),
    ) -> "Targets":
        """Learn classes, or means and ranges, from the targets of training rows.

        Args:
            values: As `target_array` takes them; none may be missing.
            task: None: as `infer_task` finds it. A classification becomes binary or multiclass by
                the number of its classes.
            names: None: those of the frame or the column given, or "target", "target 2", …
            loss: Of a regression, what will be minimised; see `NumberScale.fit`.
            quantiles: Likewise.

        Raises:
            TableError: there are no rows, a target is missing, infinite or not of the task's kind.
        """
        array = target_array(values)
        if task is not None and task not in get_args(Task):
            raise TableError(f"a task is one of {', '.join(get_args(Task))}, not {task!r}")
        if len(array) == 0:
            raise TableError("there are no targets to learn from")
        names = tuple(names or _names_of(values, array))
        if len(names) != width_of(array):
            raise TableError(f"{width_of(array)} targets were given {len(names)} names")
        require_present(array, names)
        task = task or infer_task(array)
        if task == "multilabel":
            labels_of(array, names)
            return cls(task, names)
        if task == "regression":
            numbers = numbers_of(array, names)
            return cls(task, names, (), NumberScale.fit(numbers, names, loss, quantiles))
        if array.ndim != 1:
            raise TableError(f"a {task} target must be one column, not {array.shape[1]}")
        try:
            classes = tuple(sorted({plain(value) for value in array.tolist()}, key=_by_kind))
        except TypeError as error:
            raise TableError(f"classes must have an order: {error}") from error
        return cls("binary" if len(classes) <= 2 else "multiclass", names, classes)

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
            return np.array(self.classes)
        array = np.empty(len(self.classes), dtype=object)
        array[:] = self.classes
        return array

    def encode(self, values: Any) -> NDArray[Any]:
        """Make what a network learns.

        Returns:
            Class numbers, int64, (num_rows,); labels 0 and 1, float32, (num_rows, num_labels); or
            numbers as `NumberScale.encode` makes them, float32, (num_rows, num_numbers).

        Raises:
            TableError: a target is missing, infinite, a class that was not in the training rows, or
                below 0 where counts are learned.
        """
        array = target_array(values)
        if width_of(array) != len(self.names):
            raise TableError(f"there must be {len(self.names)} targets, not {width_of(array)}")
        require_present(array, self.names)
        if self.task == "multilabel":
            return labels_of(array, self.names)
        if self.task == "regression":
            numbers = numbers_of(array, self.names)
            if self.scale.are_counts:
                require_counts(numbers, self.names)
            return self.scale.encode(numbers)
        return self._class_numbers(array)

    def _class_numbers(self, array: NDArray[Any]) -> NDArray[np.int64]:
        # A file may write as text what the training rows had as numbers, so text is understood
        # too; a label that is there as it stands goes first.
        number_of: dict[Any, int] = {str(label): n for n, label in enumerate(self.classes)}
        number_of |= {label: n for n, label in enumerate(self.classes)}
        try:
            numbers = (number_of[plain(value)] for value in array.tolist())
            return np.fromiter(numbers, np.int64, len(array))
        except KeyError as error:
            row = next(r for r, v in enumerate(array.tolist(), 1) if plain(v) not in number_of)
            raise TableError(
                f"row {row} of target {self.names[0]!r} is {shown_target(error.args[0])}, which is "
                f"no class of the training rows: {enumerated([str(c) for c in self.classes])}"
            ) from None

    def decode_classes(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The labels of class numbers, of the same shape."""
        return np.asarray(self.class_array[numbers])

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON document; `from_json` gives equal targets.

        Raises:
            TableError: a class is neither text, a number nor a boolean.
        """
        for label in self.classes:
            if not isinstance(label, (str, int, float)):
                raise TableError(
                    f"class {label!r} is a {type(label).__name__}; a model file holds classes that "
                    "are text, numbers or booleans"
                )
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


def _by_kind(label: Any) -> tuple[bool, str, Any]:
    """Numbers in their order, then each other kind in its own, then by name if it has none."""
    if isinstance(label, (int, float)):
        return False, "", label
    return True, type(label).__name__, label
