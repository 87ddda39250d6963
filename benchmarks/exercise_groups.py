"""The variants of a study that are held against one of them, as the pages tell of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from exercise_figures import Origin
from numpy.typing import NDArray

from multilayer.experiments.sequential import Pair, SequentialComparison
from multilayer.experiments.study import StudyResult
from multilayer.experiments.study_plan import StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval

# What of a study's document are variants, and which of them the others are held against.
_GROUPS = {
    "width": {(): "256"},
    "depth": {(): "1"},
    "bottleneck": {(): "256-256"},
    "learning-rate": {(): "0.1"},
    "joint": {("final",): "starting point"},
    "activation": {(): "relu"},
    "initialisation": {
        ("hidden_layers_1",): "linear, 1 hidden layer",
        ("hidden_layers_4",): "linear, 4 hidden layers",
    },
    "batch-size": {("constant_rate",): "256", ("scaled_rate",): "256 (learning rate 0.1)"},
    "baseline": {(): "softmax regression"},
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A study's answer.

    Attributes:
        name: of the study.
        command: that does the study.
        plan: what it worked with.
        result: what it found.
        origins: when and where its figures were measured.
        num_networks: trained for it; 0 where it only takes time.
    """

    name: str
    command: str
    plan: StudyPlan
    result: StudyResult
    origins: Sequence[Origin]
    num_networks: int


@dataclass(frozen=True)
class Known:
    """What is known of a variant."""

    name: str
    scores: NDArray[Any]
    curves: NDArray[Any]
    num_parameters: int
    num_diverged: int
    seconds: float
    resolution: float

    @property
    def interval(self) -> MeanInterval:
        """Of the mean score, 95%."""
        return mean_interval(self.scores, resolution=self.resolution)


@dataclass(frozen=True)
class Group:
    """Variants, and each held against the reference.

    Attributes:
        variants: in the study's order.
        reference: place of the one that the others are held against.
        pairs: the reference against each other, by its place.
    """

    variants: Sequence[Known]
    reference: int
    pairs: Mapping[int, Pair]

    @property
    def num_undecided(self) -> int:
        """Variants that are neither told from the reference nor shown to be as good."""
        return sum(pair.verdict == "undecided" for pair in self.pairs.values())


def known(document: Mapping[str, Any], resolution: float) -> list[Known]:
    """The variants of a study's document, or of a part of it."""
    return [
        Known(
            one["name"], np.array(one["scores"]), np.array(one["curves"]), one["num_parameters"],
            one["num_diverged"], one["seconds_an_epoch"], resolution,
        )
        for one in document["variants"]
    ]  # fmt: skip


def groups_of(answer: Answer) -> list[Group]:
    """The groups of a study; none of one that only takes time."""
    found = []
    for path, name in _GROUPS.get(answer.name, {}).items():
        document = answer.result.document
        for part in path:
            document = document[part]
        variants = known(document, resolution_of(answer))
        reference = [one.name for one in variants].index(name)
        others = [place for place in range(len(variants)) if place != reference]
        rule = SequentialComparison(
            len(variants), [answer.plan.num_seeds], answer.plan.matters, variants[0].resolution,
            [(reference, place) for place in others],
        )  # fmt: skip
        pairs = rule.look([one.scores for one in variants])
        found.append(Group(variants, reference, {pair.second: pair for pair in pairs}))
    return found


def resolution_of(answer: Answer) -> float:
    """Step between accuracies on the fifth of the rows that is held out."""
    return answer.plan.rows.resolution("accuracy", len(answer.plan.rows) // 5)


def num_rounds_of(answer: Answer) -> int:
    """How often a study of time has timed each thing."""
    document = answer.result.document
    times = next(iter(document.get("step_seconds", document.get("seconds")).values()))
    return len(next(iter(times.values())))
