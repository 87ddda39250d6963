"""Variants of one thing, trained over the same seeds and held against one of them."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.network import Network
from multilayer.engine.settings import SETTINGS_OF_A_MEMBER, TrainingSettings
from multilayer.experiments.repetitions import Repetitions, repeat
from multilayer.experiments.sequential import Pair, SequentialComparison
from multilayer.experiments.study_plan import FinishedPart, StudyInterruptedError, StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval


@dataclass(frozen=True)
class Variant:
    """One of the things to compare."""

    name: str
    settings: TrainingSettings


@dataclass(frozen=True, eq=False)
class Measured:
    """A variant and how it did.

    Attributes:
        variant: what it was.
        scores: the study's metric on the rows held out, (num_seeds,). An R² below 0, as after
            divergence, counts as 0, which is that of predicting the mean.
        curves: the same after each epoch, (num_epochs, num_seeds); empty unless asked for.
        num_parameters: of one network.
        num_diverged: seeds whose loss is no number.
        seconds: of training one network for an epoch, side by side with the others.
        resolution: step between scores that can be told apart.
        network: the trained networks, one for each seed.
    """

    variant: Variant
    scores: NDArray[Any]
    curves: NDArray[Any]
    num_parameters: int
    num_diverged: int
    seconds: float
    resolution: float
    network: Network

    @property
    def interval(self) -> MeanInterval:
        """Of the mean score, 95%."""
        return mean_interval(self.scores, resolution=self.resolution)


def measure(
    plan: StudyPlan,
    variants: Sequence[Variant],
    *,
    with_curves: bool = False,
    seeds: Sequence[int] | None = None,
) -> Generator[str, None, list[Measured]]:
    """Train every variant over all seeds; those of one shape together, as one population.

    Args:
        plan: of the study.
        variants: with names that differ.
        with_curves: whether scores are wanted after each epoch.
        seeds: None: as many as the plan says, from 0 on.

    Yields:
        What is trained now.

    Returns:
        The variants in their order, and how they did.

    Raises:
        StudyInterruptedError: the plan's stop was set.
    """
    seeds = range(plan.num_seeds) if seeds is None else seeds
    measured: dict[str, Measured] = {}
    groups: dict[TrainingSettings, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(_shape(variant.settings), []).append(variant)
    for group in groups.values():
        yield f"{', '.join(variant.name for variant in group)}: {len(seeds)} seeds"
        members = [replace(variant.settings, seed=seed) for variant in group for seed in seeds]
        trained = repeat(plan.rows, members, with_curves=with_curves, stop=plan.stop)
        if trained.is_interrupted:
            raise StudyInterruptedError
        for number, variant in enumerate(group):
            found = _of(plan, variant, trained, number, len(seeds))
            measured[variant.name] = found
            interval = found.interval
            plan.finished.append(
                FinishedPart(
                    variant.name,
                    f"{interval.mean:.4f}",
                    f"{interval.low:.4f} to {interval.high:.4f}",
                )
            )
    return [measured[variant.name] for variant in variants]


def against(measured: Sequence[Measured], reference: int, plan: StudyPlan) -> dict[int, Pair]:
    """Each variant but one against that one, corrected by Holm's method."""
    others = [number for number in range(len(measured)) if number != reference]
    rule = SequentialComparison(
        len(measured),
        [plan.num_seeds],
        plan.matters,
        measured[0].resolution,
        [(reference, number) for number in others],
    )
    pairs = rule.look([one.scores for one in measured])
    return {pair.second: pair for pair in pairs}


def _shape(settings: TrainingSettings) -> TrainingSettings:
    """The settings without what members of a population may differ in."""
    default = TrainingSettings()
    return replace(settings, **{name: getattr(default, name) for name in SETTINGS_OF_A_MEMBER})


def _of(
    plan: StudyPlan, variant: Variant, trained: Repetitions, number: int, num_seeds: int
) -> Measured:
    part = slice(number * num_seeds, (number + 1) * num_seeds)
    num_networks = len(trained.settings)
    scores, curves = trained.scores[plan.metric][part], trained.curves[:, part]
    if plan.metric == "R²":
        scores, curves = (np.nan_to_num(values).clip(min=0) for values in (scores, curves))
    return Measured(
        variant,
        scores,
        curves,
        trained.network.spec.num_parameters,
        int(trained.is_diverged[part].sum()),
        trained.seconds / num_networks / max(1, len(trained.train_losses)),
        plan.rows.resolution(plan.metric, trained.num_scored_rows),
        Network.of(trained.network.spec, trained.network.parameters[part]),
    )
