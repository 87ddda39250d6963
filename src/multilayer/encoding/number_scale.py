"""Scale the targets of a regression, and scale outputs back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import TableError

Array = NDArray[np.float64]

STATISTICS = ("means", "deviations", "lowest", "highest")

# Losses that grow linearly with the error; outliers should not determine the scale either.
_ROBUST_LOSSES = ("absolute_error", "huber", "quantile")
_QUARTILES_APART = 1.3489795003921634  # interquartile range of the standard normal distribution


@dataclass(frozen=True)
class NumberScale:
    """Standardizes numbers, or divides counts by their mean; fields hold one value for each target.

    Outputs are standardized numbers, one for each quantile of each target; for counts, the
    logarithm of the rate divided by the mean. With the mean m, the loss of a count t is
    eʸ − (t / m) y, the Poisson loss at the rate m eʸ divided by m.

    Attributes:
        means: subtracted: the mean; the median for a robust loss; 0 for counts.
        deviations: divided by: the population standard deviation; for a robust loss the
            interquartile range over that of the standard normal; for counts the mean; 1 if all
            values are equal.
        lowest: smallest training values; predictions are clipped to the training range.
        highest: largest training values.
        quantiles: that the outputs of each target predict, ascending; empty: a single output.
        are_counts: whether outputs are logarithms of rates.
    """

    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    lowest: tuple[float, ...] = ()
    highest: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    are_counts: bool = False

    @classmethod
    def fit(
        cls, numbers: Array, names: Sequence[str], loss: str, quantiles: Sequence[float]
    ) -> "NumberScale":
        """Fit the scale to training rows.

        Args:
            numbers: (num_rows, num_numbers), finite, at least one row.
            names: of the targets, for errors.
            loss: its name in `TrainingSettings`.
            quantiles: of the loss "quantile"; ignored for others.

        Raises:
            TableError: values are too large to be squared, or the loss is "poisson" and one is
                negative.
        """
        are_counts = loss == "poisson"
        if are_counts:
            require_counts(numbers, names)
        lowest, highest = numbers.min(axis=0), numbers.max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            means, deviations = numbers.mean(axis=0), numbers.std(axis=0)
        if not (np.isfinite(means) & np.isfinite(deviations)).all():
            raise TableError(
                f"the target {', '.join(map(repr, names))} has values too large to be squared"
            )
        deviations = np.where(lowest < highest, deviations, 1.0)
        if loss in _ROBUST_LOSSES:
            low, means, high = np.quantile(numbers, [0.25, 0.5, 0.75], axis=0)
            deviations = np.where(low < high, (high - low) / _QUARTILES_APART, deviations)
        elif are_counts:
            deviations = np.where(means > 0, means, 1.0)
            means = np.zeros_like(means)
        return cls(
            tuple(means.tolist()),
            tuple(deviations.tolist()),
            tuple(lowest.tolist()),
            tuple(highest.tolist()),
            tuple(quantiles) if loss == "quantile" else (),
            are_counts,
        )

    @property
    def num_outputs_each(self) -> int:
        """Number of outputs for each target."""
        return len(self.quantiles) or 1

    def encode(self, numbers: Array) -> NDArray[np.float32]:
        """Scaled targets, (num_rows, num_numbers)."""
        return np.asarray((numbers - self.means) / self.deviations, dtype=np.float32)

    def restore(self, encoded: NDArray[Any]) -> Array:
        """The inverse of `encode`, (…, num_numbers)."""
        numbers: Array = np.asarray(encoded, dtype=np.float64) * self.deviations + self.means
        return numbers

    def decode(self, outputs: NDArray[Any], clip: bool = True) -> Array:
        """Convert network outputs to predictions in the unit of the targets.

        Crossing quantiles are sorted (Chernozhukov et al., "Quantile and probability curves
        without crossing", 2010).

        Args:
            outputs: (…, num_numbers × num_outputs_each), those of one target adjacent.
            clip: whether to clip to the range of the training rows.

        Returns:
            The same shape; quantiles are ascending.
        """
        outputs = np.asarray(outputs, dtype=np.float64)
        by_number = self.by_quantile(outputs)
        if self.are_counts:
            with np.errstate(over="ignore"):
                by_number = np.exp(by_number)
        column = (slice(None), None)
        numbers = by_number * np.array(self.deviations)[column] + np.array(self.means)[column]
        if clip:
            numbers = np.clip(
                numbers, np.array(self.lowest)[column], np.array(self.highest)[column]
            )
        if len(self.quantiles) > 1:
            numbers = np.sort(numbers, axis=-1)
        decoded: Array = numbers.reshape(outputs.shape)
        return decoded

    def by_quantile(self, numbers: Array) -> Array:
        """Decoded (…, num_numbers × num_outputs_each) as (…, num_numbers, num_outputs_each)."""
        num_numbers = numbers.shape[-1] // self.num_outputs_each
        by_number: Array = numbers.reshape(*numbers.shape[:-1], num_numbers, self.num_outputs_each)
        return by_number

    def central(self, numbers: Array) -> Array:
        """The point prediction of each target: the median if there are several quantiles.

        It is interpolated linearly between the quantiles next to 0.5, or is the nearest quantile.

        Args:
            numbers: decoded, (…, num_numbers × num_outputs_each).

        Returns:
            (…, num_numbers).
        """
        if len(self.quantiles) < 2:
            return numbers
        place = np.interp(0.5, self.quantiles, np.arange(len(self.quantiles)))
        below, share = int(place), place % 1
        numbers = self.by_quantile(numbers)
        above = min(below + 1, len(self.quantiles) - 1)
        central: Array = (1 - share) * numbers[..., below] + share * numbers[..., above]
        return central

    def to_json(self) -> dict[str, Any]:
        """The scale as a JSON document, for `from_json`."""
        return {
            **{name: list(getattr(self, name)) for name in (*STATISTICS, "quantiles")},
            "are_counts": self.are_counts,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any], num_numbers: int) -> "NumberScale":
        """Read what `to_json` made, also by versions without quantiles and counts.

        Raises:
            ValueError, KeyError, TypeError: the document is invalid.
        """
        scale = cls(
            **{name: tuple(document[name]) for name in STATISTICS},
            quantiles=tuple(document.get("quantiles", ())),
            are_counts=document.get("are_counts", False),
        )
        numbers = [getattr(scale, name) for name in STATISTICS]
        is_right = (
            all(len(part) == num_numbers for part in numbers)
            and all(type(n) is float and np.isfinite(n) for part in numbers for n in part)
            and all(deviation > 0 for deviation in scale.deviations)
            and all(type(level) is float and 0 < level < 1 for level in scale.quantiles)
            and list(scale.quantiles) == sorted(set(scale.quantiles))
            and isinstance(scale.are_counts, bool)
            and not (scale.are_counts and (scale.quantiles or any(scale.means)))
            and (num_numbers > 0 or scale == cls())
        )
        if not is_right:
            raise ValueError("a field of the scale is missing or invalid")
        return scale


def require_counts(numbers: Array, names: Sequence[str]) -> None:
    """Raise TableError if a number of (num_rows, num_numbers) is negative."""
    if (numbers < 0).any():
        row, place = np.argwhere(numbers < 0)[0]
        raise TableError(
            f"row {row + 1} of target {names[place]!r} must be at least 0 for the loss 'poisson', "
            f"it is {numbers[row, place]:g}"
        )
