"""What is to be predicted: classes, several yes-or-no labels, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilayer.data.booleans import boolean_of
from multilayer.data.schema import enumerated
from multilayer.data.target_values import Task, infer_task, is_present, target_array
from multilayer.data.text_numbers import shown
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
        means: Of the training rows, one for each number; taken away before the network learns.
        deviations: Their population standard deviations, 1 where all are equal.
        lowest: The smallest training values, to which predictions are clipped.
        highest: The largest.
    """

    task: Task
    names: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    lowest: tuple[float, ...] = ()
    highest: tuple[float, ...] = ()

    @classmethod
    def fit(
        cls, values: Any, task: Task | None = None, names: Sequence[str] | None = None
    ) -> "Targets":
        """Learn classes, or means and ranges, from the targets of training rows.

        Args:
            values: As `target_array` takes them; none may be missing.
            task: None: as `infer_task` finds it. A classification becomes binary or multiclass by
                the number of its classes.
            names: None: those of the frame or the column given, or "target", "target 2", …

        Raises:
            TableError: there are no rows, a target is missing, infinite or not of the task's kind.
        """
        array = target_array(values)
        if task is not None and task not in get_args(Task):
            raise TableError(f"a task is one of {', '.join(get_args(Task))}, not {task!r}")
        if len(array) == 0:
            raise TableError("there are no targets to learn from")
        names = tuple(names or _names_of(values, array))
        if len(names) != _width(array):
            raise TableError(f"{_width(array)} targets were given {len(names)} names")
        _require_present(array, names)
        task = task or infer_task(array)
        if task == "multilabel":
            _labels(array, names)
            return cls(task, names)
        if task == "regression":
            numbers = _numbers(array, names)
            lowest, highest = numbers.min(axis=0), numbers.max(axis=0)
            with np.errstate(over="ignore", invalid="ignore"):
                means, deviations = numbers.mean(axis=0), numbers.std(axis=0)
            if not (np.isfinite(means) & np.isfinite(deviations)).all():
                raise TableError(
                    f"the target {', '.join(map(repr, names))} has values too large to be squared"
                )
            deviations = np.where(lowest < highest, deviations, 1.0)
            statistics = (means, deviations, lowest, highest)
            return cls(task, names, (), *(tuple(numbers.tolist()) for numbers in statistics))
        if array.ndim != 1:
            raise TableError(f"a {task} target must be one column, not {array.shape[1]}")
        try:
            classes = tuple(sorted({_label(value) for value in array.tolist()}, key=_by_kind))
        except TypeError as error:
            raise TableError(f"classes must have an order: {error}") from error
        return cls("binary" if len(classes) <= 2 else "multiclass", names, classes)

    @property
    def num_outputs(self) -> int:
        """How many outputs a network needs: one a class, a label or a number."""
        return len(self.classes) or len(self.names)

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
            standardised numbers, float32, (num_rows, num_numbers).

        Raises:
            TableError: a target is missing, infinite, or a class that was not in the training rows.
        """
        array = target_array(values)
        if _width(array) != len(self.names):
            raise TableError(f"there must be {len(self.names)} targets, not {_width(array)}")
        _require_present(array, self.names)
        if self.task == "multilabel":
            return _labels(array, self.names)
        if self.task == "regression":
            standardised = (_numbers(array, self.names) - self.means) / self.deviations
            return np.asarray(standardised, dtype=np.float32)
        return self._class_numbers(array)

    def _class_numbers(self, array: NDArray[Any]) -> NDArray[np.int64]:
        # A file may write as text what the training rows had as numbers, so text is understood
        # too; a label that is there as it stands goes first.
        number_of: dict[Any, int] = {str(label): n for n, label in enumerate(self.classes)}
        number_of |= {label: n for n, label in enumerate(self.classes)}
        try:
            numbers = (number_of[_label(value)] for value in array.tolist())
            return np.fromiter(numbers, np.int64, len(array))
        except KeyError as error:
            row = next(r for r, v in enumerate(array.tolist(), 1) if _label(v) not in number_of)
            raise TableError(
                f"row {row} of target {self.names[0]!r} is {_shown(error.args[0])}, which is no "
                f"class of the training rows: {enumerated([str(c) for c in self.classes])}"
            ) from None

    def decode_classes(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The labels of class numbers, of the same shape."""
        return np.asarray(self.class_array[numbers])

    def decode_numbers(self, outputs: NDArray[Any], clip: bool = True) -> NDArray[np.float64]:
        """The numbers that standardised outputs, (…, num_numbers), stand for.

        Args:
            outputs: Of a network.
            clip: To the range of the training rows.
        """
        numbers = np.asarray(outputs, dtype=np.float64) * self.deviations + self.means
        return np.clip(numbers, self.lowest, self.highest) if clip else numbers

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
        names = ("names", "classes", "means", "deviations", "lowest", "highest")
        return {"task": self.task, **{name: list(getattr(self, name)) for name in names}}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Targets":
        """Read what `to_json` made.

        Raises:
            TableError: the document is something else.
        """
        try:
            targets = cls(
                document["task"],
                *(
                    tuple(document[name])
                    for name in ("names", "classes", "means", "deviations", "lowest", "highest")
                ),
            )
        except (KeyError, TypeError) as error:
            raise TableError(f"these are no targets: {error}") from error
        numbers = (targets.means, targets.deviations, targets.lowest, targets.highest)
        num_numbers = len(targets.names) if targets.task == "regression" else 0
        is_right = (
            targets.task in get_args(Task)
            and len(targets.names) > 0
            and all(isinstance(name, str) for name in targets.names)
            and all(isinstance(label, (str, int, float)) for label in targets.classes)
            and len(set(targets.classes)) == len(targets.classes)
            and (len(targets.classes) > 0) == targets.is_classification
            and all(len(part) == num_numbers for part in numbers)
            and all(type(n) is float and np.isfinite(n) for part in numbers for n in part)
            and all(deviation > 0 for deviation in targets.deviations)
        )
        if not is_right:
            raise TableError("these are no targets: a part is missing or of another kind")
        return targets


def _names_of(values: Any, array: NDArray[Any]) -> list[str]:
    columns = getattr(values, "columns", None)
    if columns is not None and len(columns) == _width(array):
        return [str(name) for name in columns]
    name = getattr(values, "name", None)
    if array.ndim == 1:
        return [str(name) if name else "target"]
    return ["target", *(f"target {place}" for place in range(2, array.shape[1] + 1))]


def _width(array: NDArray[Any]) -> int:
    return 1 if array.ndim == 1 else array.shape[1]


def _require_present(array: NDArray[Any], names: Sequence[str]) -> None:
    present = is_present(array)
    if not present.all():
        raise TableError(
            f"the target {', '.join(map(repr, names))} is missing in {(~present).sum()} of "
            f"{len(present)} rows, first in row {int(np.argmin(present)) + 1}"
        )


def _numbers(array: NDArray[Any], names: Sequence[str]) -> NDArray[np.float64]:
    """Finite numbers, (num_rows, num_numbers)."""
    array = array.reshape(len(array), len(names))
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        for (row, place), value in np.ndenumerate(array):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                raise TableError(_not_a(_shown(value), "a number", row, names[place])) from None
        raise
    if not np.isfinite(numbers).all():
        row, place = np.argwhere(~np.isfinite(numbers))[0]
        value = str(numbers[row, place])
        raise TableError(_not_a(value, "a finite number", row, names[place]))
    return numbers


def _labels(array: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    """0 and 1, (num_rows, num_labels)."""
    array = array.reshape(len(array), len(names))
    if array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all():
        return array.astype(np.float32)
    labels = np.empty(array.shape, dtype=np.float32)
    for (row, place), value in np.ndenumerate(array):
        is_true = boolean_of(value)
        if is_true is None:
            raise TableError(_not_a(_shown(value), "0 or 1, or no or yes", row, names[place]))
        labels[row, place] = is_true
    return labels


def _not_a(value: str, wanted: str, row: int, name: str) -> str:
    return f"row {row + 1} of target {name!r} must be {wanted}, it is {value}"


def _label(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _by_kind(label: Any) -> tuple[bool, str, Any]:
    """Numbers in their order, then each other kind in its own, then by name if it has none."""
    if isinstance(label, (int, float)):
        return False, "", label
    return True, type(label).__name__, label


def _shown(value: Any) -> str:
    return shown(value) if isinstance(value, str) else repr(_label(value))
