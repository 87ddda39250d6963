"""The columns of answers that stand beside a table's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import SettingsError
from multilayer.model.answers import Answers, Array

if TYPE_CHECKING:
    import polars as pl

_SET_SEPARATOR = " | "


@dataclass(frozen=True)
class AnswerColumns:
    """Predictions, with intervals, sets and probabilities as columns.

    Args:
        model: the predictor.
        with_probabilities: a column with the probability of each class or label. Several quantiles
            always have a column each, after the median's.
        coverage: of prediction intervals, or of sets of classes; None: without.

    Raises:
        SettingsError: probabilities are asked of a regression model, or the coverage is out of
            range.
    """

    model: Answers
    with_probabilities: bool = False
    coverage: float | None = None

    def __post_init__(self) -> None:
        task, coverage = self.model.targets.task, self.coverage
        if self.with_probabilities and task == "regression":
            raise SettingsError(
                "probabilities need a classification model; this model predicts numbers"
            )
        if coverage is not None and not 0 < coverage < 1:
            raise SettingsError(f"coverage must be a number between 0 and 1; it is {coverage!r}")
        if coverage is not None and task == "multilabel":
            raise SettingsError("a multilabel model has neither intervals nor prediction sets")

    def names(self) -> list[str]:
        """Their names."""
        targets = self.model.targets
        names = [f"predicted_{name}" for name in targets.names]
        if targets.task == "regression":
            levels, central = targets.scale.quantiles, list(names)
            if len(levels) > 1:
                names += [f"{name}_quantile_{level:g}" for name in central for level in levels]
            if self.coverage is not None:
                names += [f"{name}_{end}" for name in central for end in ("low", "high")]
            return names
        if self.coverage is not None:
            names.append(f"{names[0]}_set")
        if self.with_probabilities:
            of = targets.classes or targets.names
            names += [f"probability_{label}" for label in of]
        return names

    def of(self, outputs: Array) -> list["pl.Series"]:
        """The columns, one for each of `names`.

        Args:
            outputs: from `Answers.member_outputs`.

        Raises:
            DataError: the model has too few held-out rows for the coverage.
        """
        import polars as pl

        model, targets = self.model, self.model.targets
        if targets.task == "regression":
            numbers = model.member_numbers(outputs)
            mean = numbers.mean(axis=0)
            columns = list(targets.scale.central(mean).T)
            if len(targets.scale.quantiles) > 1:
                columns += list(mean.T)
            if self.coverage is not None:
                low, high = model.intervals_of(numbers, self.coverage)
                for ends in zip(low.T, high.T, strict=True):
                    columns += ends
            return [pl.Series(column) for column in columns]
        of_members = model.member_probabilities(outputs)
        probabilities = of_members.mean(axis=0)
        if targets.task == "multilabel":
            answers = [pl.Series(column) for column in (probabilities > 0.5).astype(np.int64).T]
        else:
            answers = [_labels(targets.decode_classes(probabilities.argmax(axis=1)))]
            if self.coverage is not None:
                names = np.array([str(label) for label in targets.classes], dtype=object)
                is_in = model.sets_of(of_members, self.coverage)
                answers.append(pl.Series([_SET_SEPARATOR.join(names[row]) for row in is_in]))
        if self.with_probabilities:
            answers += [pl.Series(column) for column in probabilities.T]
        return answers


def free_names(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The names, with underscores appended where a column has the name already."""
    free: list[str] = []
    for name in names:
        while name in taken or name in free:
            name += "_"
        free.append(name)
    return free


def _labels(labels: NDArray[Any]) -> "pl.Series":
    import polars as pl

    if labels.dtype == object:  # of mixed types, which a column cannot hold
        return pl.Series([str(label) for label in labels], dtype=pl.String)
    return pl.Series(labels)
