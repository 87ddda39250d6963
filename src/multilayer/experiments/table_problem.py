"""The rows of a table as data to learn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.columns.schema import Schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.scores import Scores, evaluate
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import TableError
from multilayer.experiments.problem import MetricName, Problem, RowNumbers
from multilayer.fit.prepare import (
    TASK_NAMES,
    as_examples,
    require_classes,
    require_different_numbers,
    spec_of,
)
from multilayer.fit.rows import Rows
from multilayer.fit.split import Split, hold_out
from multilayer.fit.statistic_parts import encoded_with_versions, with_possible_statistics

_FEWEST_ROWS = 20  # of which a fifth is scored


class TableProblem(Problem):
    """A table whose target is to be predicted.

    Networks of several seeds, each with rows of its own held out, share one encoder: it is fitted
    to the inputs of all rows, and so are mean and deviation of numbers to predict. It sees no
    class.

    Classes are scored by accuracy and loss, several labels by the share of labels that are right
    and the loss, numbers by RMSE and R². The RMSE is in the target's own unit; of several targets
    each counts in units of its deviation.

    Args:
        name: in words.
        rows: the rows.
        schema: which columns are inputs, and of which kind.
        targets: fitted to the rows.

    Raises:
        TableError: there are too few rows, or a single class.
    """

    recipe_name = "default"

    def __init__(self, name: str, rows: Rows, schema: Schema, targets: Targets) -> None:
        if len(rows) < _FEWEST_ROWS:
            raise TableError(
                f"{name} has {len(rows)} rows with a target; networks are compared on at least "
                f"{_FEWEST_ROWS}"
            )
        require_classes(targets)
        if targets.task == "regression":
            require_different_numbers(targets)
        self.name, self.targets, self.schema = name, targets, schema
        self._rows = rows
        self.size = {"num_rows": len(rows), "num_columns": len(schema.inputs)}
        self.task = TASK_NAMES[targets.task]
        self.class_names = tuple(map(str, targets.classes))
        self.has_fixed_split = rows.times is not None
        if targets.task == "regression":
            self.metrics, self.study_metric = ("RMSE", "R²"), "R²"
        self._strata = np.zeros(len(rows), np.int64)
        if targets.is_classification:
            self._strata = rows.encoded_targets(targets)
        self._encoded: dict[tuple[int, bool], tuple[Encoder, Examples]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def unit(self) -> float:
        """What the RMSE is a multiple of: the target's deviation, or 1 if there are several."""
        deviations = self.targets.scale.deviations
        return deviations[0] if len(deviations) == 1 else 1.0

    def smallest_that_matters(self, metric: MetricName) -> float:
        """A hundredth of the target's deviation for the RMSE."""
        if metric == "RMSE":
            return 0.01 * self.unit
        return super().smallest_that_matters(metric)

    def resolution(self, metric: MetricName, num_scored_rows: int) -> float:
        """Of several labels each counts."""
        num_answers = num_scored_rows
        if self.targets.task == "multilabel":
            num_answers *= self.targets.num_outputs
        return super().resolution(metric, num_answers)

    def examples(self, settings: TrainingSettings) -> Examples:
        """All rows, encoded once for each way to encode."""
        return self._encode(settings)[1]

    def spec(self, settings: TrainingSettings) -> NetworkSpec:
        """As many inputs as the encoder makes, an output for each class, label or number."""
        encoder, _ = self._encode(settings)
        return spec_of(self._possible(settings, encoder), encoder, self.targets)

    def first_rows(self, num_rows: int) -> "TableProblem":
        """The same problem with fewer rows."""
        if num_rows >= len(self._rows):
            return self
        rows = self._rows.take(np.arange(num_rows))
        return TableProblem(self.name, rows, self.schema, self.targets)

    def hold_out(
        self, rows: RowNumbers, fraction: float, seed: int
    ) -> tuple[RowNumbers, RowNumbers]:
        """Divide row numbers: all classes alike, groups as a whole, or the latest rows."""
        groups, times = self._rows.groups, self._rows.times
        kept, held_out = hold_out(
            self._strata[rows],
            fraction,
            seed,
            groups=None if groups is None else groups[rows],
            times=None if times is None else times[rows],
        )
        return rows[kept], rows[held_out]

    def scores(
        self, network: Network, settings: TrainingSettings, rows: Sequence[Tensor]
    ) -> Mapping[MetricName, NDArray[Any]]:
        """Every metric, (num_members,), each member on its own rows; NaN after divergence."""
        examples = self.examples(settings)
        if self.targets.is_classification:
            return super().scores(network, settings, rows)
        if self.targets.task == "multilabel":
            shares = [
                self._share_right(network.member(member).logits(examples.inputs[numbers])[0],
                                  examples, numbers)
                for member, numbers in enumerate(rows)
            ]  # fmt: skip
            losses = evaluate(network, examples, settings.loss, rows).loss
            return {"accuracy": np.array(shares), "loss": np.array(losses)}
        errors = np.array(
            [
                self._squared_error(network.member(member), settings, examples, numbers)
                for member, numbers in enumerate(rows)
            ]
        )
        with np.errstate(invalid="ignore"):
            return {
                "RMSE": self.unit * np.sqrt(errors),
                "R²": 1 - errors / self._variances(examples, rows),
            }

    def study_scores(
        self, found: Scores, settings: TrainingSettings, rows: Sequence[Tensor]
    ) -> tuple[float, ...]:
        """R² of numbers, from the squared error that is their loss."""
        if self.targets.task != "regression":
            return super().study_scores(found, settings, rows)
        variances = self._variances(self.examples(settings), rows)
        return tuple((1 - np.array(found.loss) / variances).tolist())

    def _encode(self, settings: TrainingSettings) -> tuple[Encoder, Examples]:
        limit = settings.one_hot_limit
        key = limit, settings.category_statistics
        if key not in self._encoded:
            encoder = Encoder.fit(self._rows.frame, self.schema, EncodingPlan(limit or None))
            examples = as_examples(self._rows, encoder, self.targets)
            if self._possible(settings, encoder).category_statistics:
                # Which rows are held out differs from seed to seed, so all of them lie in parts.
                examples = encoded_with_versions(
                    examples, encoder.category_sizes, self._undivided, 0, self._rows.groups
                )
            self._encoded[key] = encoder, examples
        return self._encoded[key]

    @property
    def _undivided(self) -> Split:
        return Split((np.arange(len(self._rows)),), None)

    def _possible(self, settings: TrainingSettings, encoder: Encoder) -> TrainingSettings:
        return with_possible_statistics(
            settings, encoder, self.targets, self._undivided, self._rows.groups, is_asked=False
        )

    def _share_right(self, logits: Tensor, examples: Examples, rows: Tensor) -> float:
        is_right = ((logits > 0) == (examples.targets[rows] > 0.5)).double().mean(-1)
        return float((is_right * _shares(examples, rows)).sum())

    def _squared_error(
        self, network: Network, settings: TrainingSettings, examples: Examples, rows: Tensor
    ) -> float:
        answers = network.logits(examples.inputs[rows])[0].double()
        if settings.clip_predictions:
            scale = self.targets.scale
            lowest, highest = (
                torch.from_numpy((np.array(ends) - scale.means) / scale.deviations)
                for ends in (scale.lowest, scale.highest)
            )
            answers = answers.clamp(lowest, highest)
        errors = (answers - examples.targets[rows].double()).square().mean(-1)
        return float((errors * _shares(examples, rows)).sum())

    def _variances(self, examples: Examples, rows: Sequence[Tensor]) -> NDArray[Any]:
        """Of the targets about their mean, for each member's rows; NaN where all are equal."""
        variances = []
        for numbers in rows:
            targets, shares = examples.targets[numbers].double(), _shares(examples, numbers)
            mean = (targets * shares.unsqueeze(-1)).sum(0)
            variances.append(float(((targets - mean).square().mean(-1) * shares).sum()))
        return np.where(np.array(variances) > 0, variances, np.nan)


def _shares(examples: Examples, rows: Tensor) -> Tensor:
    """How much each row counts, summing to 1."""
    if examples.weights is None:
        return torch.full((len(rows),), 1 / len(rows), dtype=torch.float64)
    weights = examples.weights[rows].double()
    return weights / weights.sum()
