"""What is known of settings that are compared."""

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from multilayer.engine.settings import TrainingSettings
from multilayer.experiments.problem import MetricName
from multilayer.experiments.sequential import ERROR_RATE, Pair
from multilayer.metrics.intervals import MeanInterval, mean_interval


@dataclass(frozen=True, eq=False)
class Candidate:
    """Settings in a comparison.

    Attributes:
        name: as they were written.
        settings: what they are; the seed is that of the first repetition.
        values: of the metric on the rows held out, for each seed so far, in order.
        num_diverged: seeds at which the training diverged.
        seconds: of training all of them.
    """

    name: str
    settings: TrainingSettings
    values: NDArray[Any]
    num_diverged: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is known after a look.

    Attributes:
        problem_name: the data.
        metric: what is compared.
        matters: the smallest difference that matters.
        looks: numbers of seeds after which the comparison looks, at most.
        num_scored_rows: rows that each network is scored on.
        resolution: step between values of the metric.
        has_fixed_split: whether these rows are the same for every seed.
        candidates: the settings.
        pairs: all pairs of them; differences are those of scores, of which higher is better: the
            metric, or minus the metric where less of it is better.
        is_final: no look follows.
        is_interrupted: it was stopped before it was decided.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import compare
        >>> found = compare(
        ...     "surface.csv", "fast,max_epochs=2", "fast,max_epochs=30", target="y", metric="R²",
        ...     max_seeds=5,
        ... )
        >>> found.metric, found.looks
        ('R²', (5,))
        >>> [len(candidate.values) for candidate in found.candidates]
        [5, 5]
    """

    problem_name: str
    metric: MetricName
    matters: float
    looks: tuple[int, ...]
    num_scored_rows: int
    resolution: float
    has_fixed_split: bool
    candidates: tuple[Candidate, ...]
    pairs: tuple[Pair, ...]
    is_final: bool
    is_interrupted: bool = False

    @property
    def contestants(self) -> tuple[Candidate, ...]:
        """What `candidates` were called before version 0.2."""
        return self.candidates

    @property
    def num_seeds(self) -> int:
        """The most seeds that any settings have had."""
        return max(len(candidate.values) for candidate in self.candidates)

    def shown(self, value: float, sign: str = "") -> str:
        """A value of the metric or a difference of two, to a tenth of what matters or finer.

        Args:
            value: to be shown.
            sign: "+" shows that of a positive one too.
        """
        num_digits = 4
        if self.metric == "RMSE":
            num_digits = max(0, min(12, 1 - math.floor(math.log10(self.matters))))
        return f"{value:{sign}.{num_digits}f}"

    def interval(self, candidate: Candidate) -> MeanInterval:
        """Mean of a candidate's values; the interval holds at all looks together with 95%."""
        return mean_interval(candidate.values, ERROR_RATE / len(self.looks), self.resolution)
