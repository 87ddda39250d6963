"""Variants of one thing, trained over the same seeds and held against one of them."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.network import Network
from multilayer.engine.settings import SETTINGS_OF_A_MEMBER, TrainingSettings
from multilayer.experiments.repetitions import repeat
from multilayer.experiments.sequential import Pair, SequentialComparison
from multilayer.experiments.study_figures import Figure, Thing
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
        looks: what was seen in the trained network of each seed; None where nothing was looked at.
    """

    variant: Variant
    scores: NDArray[Any]
    curves: NDArray[Any]
    num_parameters: int
    num_diverged: int
    seconds: float
    resolution: float
    looks: Sequence[Any]

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
    look: Callable[[Network], Any] | None = None,
) -> Generator[str, None, list[Measured]]:
    """Train every variant over all seeds; those of one shape together, as one population.

    Args:
        plan: of the study; what its `figures` have is not trained again.
        variants: with names that differ.
        with_curves: whether scores are wanted after each epoch.
        seeds: None: as many as the plan says, from 0 on.
        look: takes the trained network of a seed and returns what is to be known of it, as JSON
            holds it.

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
    needs = ["curve"] * with_curves + ["look"] * (look is not None)
    for group in groups.values():
        yield f"{', '.join(variant.name for variant in group)}: {len(seeds)} seeds"
        things = [(name_of(plan, one.settings), seed) for one in group for seed in seeds]
        settings = [replace(one.settings, seed=seed) for one in group for seed in seeds]
        members = dict(zip(things, settings, strict=True))

        def train(
            asked: Sequence[Thing], members: Mapping[Thing, TrainingSettings] = members
        ) -> list[Figure]:
            return _train(plan, [members[thing] for thing in asked], with_curves, look)

        figures = plan.figures.get(things, train, needs)
        for number, variant in enumerate(group):
            part = slice(number * len(seeds), (number + 1) * len(seeds))
            measured[variant.name] = one = _of(plan, variant, figures[part], with_curves)
            plan.finished.append(
                FinishedPart(
                    variant.name,
                    f"{one.interval.mean:.4f}",
                    f"{one.interval.low:.4f} to {one.interval.high:.4f}",
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


def name_of(plan: StudyPlan, settings: TrainingSettings) -> str:
    """The rows, and the settings that are not the usual, but for the seed."""
    usual = TrainingSettings(seed=settings.seed)
    changed = [
        f"{field.name}={json.dumps(getattr(settings, field.name))}"
        for field in fields(settings)
        if getattr(settings, field.name) != getattr(usual, field.name)
    ]
    return f"{plan.rows.name}, {len(plan.rows):,} rows: {', '.join(changed) or 'usual settings'}"


def _shape(settings: TrainingSettings) -> TrainingSettings:
    """The settings without what members of a population may differ in."""
    default = TrainingSettings()
    return replace(settings, **{name: getattr(default, name) for name in SETTINGS_OF_A_MEMBER})


def _train(
    plan: StudyPlan,
    members: Sequence[TrainingSettings],
    with_curves: bool,
    look: Callable[[Network], Any] | None,
) -> list[Figure]:
    """Train members of one shape; return the figures of each."""
    trained = repeat(plan.rows, members, with_curves=with_curves, stop=plan.stop)
    if trained.is_interrupted:
        raise StudyInterruptedError
    spec, parameters = trained.network.spec, trained.network.parameters
    seconds = trained.seconds / len(members) / max(1, len(trained.train_losses))
    figures: list[Figure] = []
    for number in range(len(members)):
        figure: dict[str, Any] = {
            "score": _score(plan, trained.scores[plan.metric][number]),
            "num_parameters": spec.num_parameters,
            "num_scored_rows": trained.num_scored_rows,
            "is_diverged": bool(trained.is_diverged[number]),
            "seconds_an_epoch": seconds,
        }
        if with_curves:
            figure["curve"] = [_score(plan, value) for value in trained.curves[:, number]]
        if look is not None:
            figure["look"] = look(Network.of(spec, parameters[number : number + 1]))
        figures.append(figure)
    return figures


def _score(plan: StudyPlan, value: float) -> float:
    return float(np.nan_to_num(value).clip(min=0)) if plan.metric == "R²" else float(value)


def _of(
    plan: StudyPlan, variant: Variant, figures: Sequence[Figure], with_curves: bool
) -> Measured:
    curves = [figure["curve"] for figure in figures] if with_curves else [[] for _ in figures]
    num_epochs = max(map(len, curves))
    # Where all networks that were trained together diverged, their curves end early.
    filled = [
        [*curve, *[figure["score"]] * (num_epochs - len(curve))]
        for curve, figure in zip(curves, figures, strict=True)
    ]
    return Measured(
        variant,
        np.array([figure["score"] for figure in figures]),
        np.array(filled).T.reshape(num_epochs, len(figures)),
        figures[0]["num_parameters"],
        sum(figure["is_diverged"] for figure in figures),
        float(np.mean([figure["seconds_an_epoch"] for figure in figures])),
        plan.rows.resolution(plan.metric, figures[0]["num_scored_rows"]),
        [figure.get("look") for figure in figures],
    )
