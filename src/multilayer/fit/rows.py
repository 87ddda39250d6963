"""Labelled rows of a table or images, with sample weights, groups and times."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.targets import Targets
from multilayer.errors import DataError, DataWarning, SettingsError, TableError, did_you_mean
from multilayer.images.datasets import ImageSplit

if TYPE_CHECKING:
    import polars as pl

RowNumbers = NDArray[np.int64]

_RESOLUTION = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows with their targets.

    Args:
        features: a frame of which the schema's input columns are used; or images, (num_rows,
            height, width) in uint8.
        targets: from `target_array`, (num_rows,) or (num_rows, num_targets); for images class
            numbers from 0.
        weights: sample weights, (num_rows,), not negative; None: equal. Rows of weight 0 are
            ignored.
        groups: rows of one group are never on both sides of a split, (num_rows,).
        times: the latest rows are held out, (num_rows,).
        numbers: row numbers in the source, (num_rows,).
        class_names: for images, a name for each class.

    Raises:
        DataError: the numbers of rows differ, or weights are negative, not finite or all zero.
    """

    features: "pl.DataFrame | NDArray[np.uint8]"
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[Any] | None = None
    times: NDArray[Any] | None = None
    numbers: RowNumbers | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("targets", "weights", "groups", "times", "numbers"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.features):
                raise TableError(f"{len(self.features)} rows were given {len(values)} {name}")
        if self.weights is None:
            return
        if self.weights.ndim != 1:
            raise DataError(f"weights must have one dimension; their shape is {self.weights.shape}")
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            row = int(np.argmin(np.isfinite(self.weights) & (self.weights >= 0)))
            raise DataError(
                "sample weights must be finite numbers of at least 0; "
                f"that of row {row + 1} is {self.weights[row]}"
            )
        if not self.weights.any():
            raise DataError("all sample weights are zero; at least one must be positive")

    def __len__(self) -> int:
        return len(self.features)

    @classmethod
    def of_images(cls, split: ImageSplit, class_names: Sequence[str]) -> "Rows":
        """Labelled images."""
        return cls(split.images, split.labels, class_names=tuple(class_names))

    @property
    def frame(self) -> "pl.DataFrame":
        """The columns of a table.

        Raises:
            DataError: these rows are images.
        """
        if isinstance(self.features, np.ndarray):
            raise DataError("images have no columns; this is for tables")
        return self.features

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Height and width of images; None for a table."""
        return self.features.shape[1:] if isinstance(self.features, np.ndarray) else None

    def encoded_targets(self, targets: Targets) -> NDArray[Any]:
        """The targets as `Targets.encode` encodes them; image labels are encoded already.

        Raises:
            TableError: a target is missing or unknown.
            DataError: the label of an image is not one of the classes.
        """
        if self.image_shape is None:
            return targets.encode(self.targets, self.numbers)
        num_classes = len(targets.classes)
        if len(self) and not 0 <= self.targets.min() <= self.targets.max() < num_classes:
            wrong = self.targets.max() if self.targets.max() >= num_classes else self.targets.min()
            raise DataError(
                f"the data has the label {int(wrong)}; the network knows 0 to {num_classes - 1}"
            )
        return self.targets.astype(np.int64, copy=False)

    def take(self, rows: RowNumbers) -> "Rows":
        """The rows with these numbers, in this order."""
        return Rows(
            self.features[rows],
            self.targets[rows],
            None if self.weights is None else self.weights[rows],
            None if self.groups is None else self.groups[rows],
            None if self.times is None else self.times[rows],
            None if self.numbers is None else self.numbers[rows],
            self.class_names,
        )

    def drop_zero_weight(self) -> "Rows":
        """Drop rows of weight 0, and all weights if they are equal.

        Rows below 1.2e-7 of the largest weight, float32's resolution, are dropped too: they vanish
        in sums over a batch, but Adam, which divides by the gradient's size, would fit them once
        the gradients of the others are small.
        """
        if self.weights is None:
            return self
        is_counting = self.weights > self.weights.max() * _RESOLUTION
        counting = self if is_counting.all() else self.take(np.flatnonzero(is_counting))
        assert counting.weights is not None
        is_alike = (counting.weights == counting.weights[0]).all()
        return replace(counting, weights=None) if is_alike else counting

    def weighted_by_class(
        self, class_weight: Mapping[Any, float] | str | None, targets: Targets
    ) -> "Rows":
        """The same rows with their weights multiplied by class weights.

        Args:
            class_weight: the weight of each class, 1 if not named; or "balanced": all classes have
                the same total weight. A named class without rows, as in a fold of few rows, is a
                `DataWarning`.
            targets: fitted to these rows.

        Raises:
            SettingsError: it is neither, or none of its classes has rows.
        """
        if class_weight is None:
            return self
        if not targets.is_classification:
            raise SettingsError(f"class_weight is for classes; the task is {targets.task}")
        classes = self.encoded_targets(targets)
        own = np.ones(len(self)) if self.weights is None else self.weights
        if isinstance(class_weight, Mapping):
            of_class = _weights_of_classes(class_weight, targets)
        elif isinstance(class_weight, str) and class_weight == "balanced":
            of_class = own.sum() / (len(targets.classes) * np.bincount(classes, own))
        else:
            raise SettingsError(
                f"class_weight must be 'balanced' or name classes with weights; it is "
                f"{class_weight!r}{did_you_mean(class_weight, ['balanced'])}"
            )
        return replace(self, weights=own * of_class[classes]).drop_zero_weight()

    def repeated(self, most_rows: int) -> "Rows":
        """Repeat rows of integer weight w w times, without weights.

        Args:
            most_rows: with more rows than this the weights stay. They also stay if one row has over
                a tenth of the total weight and five times the median, as its copies would
                dominate both sides of a split.
        """
        if self.weights is None or self.weights.sum() > most_rows:
            return self
        heaviest = self.weights.max()
        if heaviest > max(self.weights.sum() / 10, 5 * np.median(self.weights)):
            return self
        counts = self.weights.astype(np.int64)
        if (counts != self.weights).any():
            return self
        rows = self.take(np.repeat(np.arange(len(self)), counts))
        return replace(rows, weights=None)

    def in_order(self, targets: Targets) -> "Rows":
        """Sorted by columns, targets and weights, so that results do not depend on their order.

        Args:
            targets: fitted to these rows.
        """
        import polars as pl

        ranks = self.frame.select(pl.all().rank("dense").cast(pl.Int64).fill_null(0)).to_numpy()
        answers = self.encoded_targets(targets).reshape(len(self), -1).astype(np.float64)
        weights = np.ones(len(self)) if self.weights is None else self.weights
        keys = np.hstack([ranks, answers, weights[:, None]])
        return self.take(np.lexsort(keys.T[::-1]))


def _weights_of_classes(given: Mapping[Any, float], targets: Targets) -> NDArray[np.float64]:
    """A weight for each class, (num_classes,)."""
    classes = ", ".join(map(repr, targets.classes))
    absent = [label for label in given if label not in targets.classes]
    if absent and len(absent) == len(given):
        raise SettingsError(f"class_weight names {absent[0]!r}; the classes are {classes}")
    if absent:
        warnings.warn(
            f"class_weight names {', '.join(map(repr, absent))}, which no row has; the classes "
            f"are {classes}",
            DataWarning,
            stacklevel=5,
        )
    weights = np.ones(len(targets.classes))
    for label, weight in given.items():
        is_number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight < np.inf:
            raise SettingsError(
                f"class_weight must be numbers of at least 0; that of {label!r} is {weight!r}"
            )
        if label in targets.classes:
            weights[targets.classes.index(label)] = weight
    return weights
