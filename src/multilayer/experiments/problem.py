"""Data to learn from, whatever it came from: what comparisons and studies train networks on."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.scores import Scores, evaluate
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import statistic_tables
from multilayer.errors import SettingsError
from multilayer.fit.split import hold_out
from multilayer.recipes.recipes import TaskName
from multilayer.runs.written_settings import read_settings

MetricName = Literal["accuracy", "loss", "RMSE", "R²"]
LOWER_IS_BETTER: tuple[MetricName, ...] = ("loss", "RMSE")

RowNumbers = NDArray[np.int64]


class Problem(ABC):
    """Rows to learn from, and how networks that learned from them are scored.

    Attributes:
        name: in words, for titles and folders.
        task: "images" for classes that are learned from one array of inputs.
        class_names: one for each class; none where numbers or several labels are predicted.
        image_shape: height and width where a row is a picture.
        metrics: that networks may be scored by, the usual one first.
        study_metric: of which more is better.
        recipe_name: what settings as text change, where they name nothing else.
        has_fixed_split: the same rows are held out for every seed.
        size: what recipes for tables go by, as `recipe` takes it.
    """

    name: str
    task: TaskName
    class_names: tuple[str, ...]
    image_shape: tuple[int, int] | None = None
    metrics: tuple[MetricName, ...] = ("accuracy", "loss")
    study_metric: MetricName = "accuracy"
    recipe_name: str = "chapter"
    has_fixed_split: bool = False
    size: Mapping[str, int] = MappingProxyType({})

    @abstractmethod
    def __len__(self) -> int:
        """Rows there are."""

    @abstractmethod
    def examples(self, settings: TrainingSettings) -> Examples:
        """All rows as a network of these settings takes them."""

    @abstractmethod
    def spec(self, settings: TrainingSettings) -> NetworkSpec:
        """The shape of a network of these settings."""

    @abstractmethod
    def first_rows(self, num_rows: int) -> "Problem":
        """The same problem with fewer rows."""

    @abstractmethod
    def hold_out(
        self, rows: RowNumbers, fraction: float, seed: int
    ) -> tuple[RowNumbers, RowNumbers]:
        """Divide row numbers into those kept and those held out."""

    def smallest_that_matters(self, metric: MetricName) -> float:
        """The difference that matters, where nobody says another one."""
        return 0.002 if metric == "accuracy" else 0.005

    def resolution(self, metric: MetricName, num_scored_rows: int) -> float:
        """Step between values of a metric on so many rows."""
        return 1 / num_scored_rows if metric == "accuracy" else 0.0

    def settings(self, text: str | None, recipe_name: str | None = None) -> TrainingSettings:
        """Read settings as they are written for this problem, see `read_settings`.

        Args:
            text: None: those of the recipe.
            recipe_name: what the text changes; None: the problem's own.
        """
        recipe_name = recipe_name or self.recipe_name
        text = recipe_name if text is None else text
        return read_settings(text, recipe_name, self.task, **self.size)

    def check(self, name: str, settings: TrainingSettings) -> None:
        """Refuse settings whose loss is not for this task.

        Raises:
            SettingsError: the settings, called `name`, have another loss.
        """
        known = self.settings(None, "chapter").loss
        if settings.loss != known:
            raise SettingsError(
                f"{name} has the loss {settings.loss!r}; {self.name} is learned with {known!r}"
            )

    def network(self, members: Sequence[TrainingSettings], rows: Sequence[Tensor]) -> Network:
        """A population with first weights.

        Args:
            members: settings of each, of one shape.
            rows: row numbers that each is going to learn from.
        """
        spec, examples = self.spec(members[0]), self.examples(members[0])
        statistics = statistic_tables(spec, examples, rows)
        return Network.for_training(spec, members, examples.inputs, rows, statistics=statistics)

    def split(self, settings: TrainingSettings, held_out: float) -> tuple[Tensor, Tensor, Tensor]:
        """Row numbers to train on, to select an epoch by, and to score on, for a seed.

        Args:
            settings: with the seed; they say what share of the rows selects an epoch.
            held_out: share of the rows to score on.
        """
        kept, scored = self.hold_out(np.arange(len(self)), held_out, settings.seed)
        watched = scored
        if settings.validation_fraction:
            kept, watched = self.hold_out(kept, settings.validation_fraction, settings.seed)
        return torch.from_numpy(kept), torch.from_numpy(watched), torch.from_numpy(scored)

    def scores(
        self, network: Network, settings: TrainingSettings, rows: Sequence[Tensor]
    ) -> Mapping[MetricName, NDArray[Any]]:
        """Every metric, (num_members,), each member on its own rows; NaN after divergence."""
        found = evaluate(network, self.examples(settings), settings.loss, rows)
        return {"accuracy": np.array(found.accuracy), "loss": np.array(found.loss)}

    def study_scores(
        self,
        found: Scores,
        settings: TrainingSettings,  # noqa: ARG002 (numbers need them)
        rows: Sequence[Tensor],  # noqa: ARG002
    ) -> tuple[float, ...]:
        """The study's metric of each member, from what the training loop found on these rows."""
        assert found.accuracy is not None
        return found.accuracy


class ArrayProblem(Problem):
    """Classes of rows that lie in one array.

    Args:
        name: in words.
        examples: the rows; targets are classes.
        num_classes: how many there are.
        input_scale: what inputs are multiplied by.
        image_shape: height and width where a row is a picture.
        class_names: one for each class; none: their numbers.
    """

    task = "images"

    def __init__(
        self,
        name: str,
        examples: Examples,
        num_classes: int,
        input_scale: float = 1.0,
        image_shape: tuple[int, int] | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        self.name, self._examples, self._input_scale = name, examples, input_scale
        self.image_shape = image_shape
        self.class_names = tuple(class_names or map(str, range(num_classes)))

    def __len__(self) -> int:
        return len(self._examples)

    def examples(self, settings: TrainingSettings) -> Examples:  # noqa: ARG002 (tables need them)
        """All rows; of all settings the same."""
        return self._examples

    def spec(self, settings: TrainingSettings) -> NetworkSpec:
        """As many inputs as a row has numbers, an output for each class."""
        return settings.network_spec(
            self._examples.inputs.shape[1], len(self.class_names), input_scale=self._input_scale
        )

    def first_rows(self, num_rows: int) -> "ArrayProblem":
        """The same problem with fewer rows."""
        return ArrayProblem(
            self.name, self._examples.at(slice(num_rows)), len(self.class_names), self._input_scale,
            self.image_shape, self.class_names,
        )  # fmt: skip

    def hold_out(
        self, rows: RowNumbers, fraction: float, seed: int
    ) -> tuple[RowNumbers, RowNumbers]:
        """Divide row numbers, all classes alike."""
        labels: RowNumbers = self._examples.targets.numpy()
        kept, held_out = hold_out(labels[rows], fraction, seed)
        return rows[kept], rows[held_out]
