"""Which settings are better, decided over as many seeds as it takes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import get_args

import numpy as np

from multilayer.columns.target_values import Task
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError
from multilayer.experiments.comparison import Candidate, Comparison
from multilayer.experiments.load_problem import load_problem
from multilayer.experiments.problem import LOWER_IS_BETTER, MetricName, Problem
from multilayer.experiments.repetitions import HELD_OUT, Repetitions, repeat
from multilayer.experiments.sequential import SequentialComparison, looks_up_to
from multilayer.fit.column_roles import ColumnRoles
from multilayer.recipes.recipes import RecipeName


def compare(
    data: str | Path | Problem,
    *settings: str | TrainingSettings,
    target: str | ColumnRoles | None = None,
    task: Task | None = None,
    recipe: str | None = None,
    metric: MetricName | None = None,
    matters: float | None = None,
    max_seeds: int = 40,
    held_out: float = HELD_OUT,
    seed: int = 0,
    data_dir: str | Path | None = None,
    stop: Event | None = None,
    on_look: Callable[[Comparison], object] | None = None,
) -> Comparison:
    """Find out which settings are better on some data, and whether the difference matters.

    All settings are trained with the same seeds; a seed stands for first weights, order of the
    batches, and which rows are held out to score on. The test rows are left alone. After 5, 10, 20,
    … seeds the comparison looks, and stops when every pair has a verdict or at `max_seeds`. What it
    says is about the mean over seeds and splits of these rows; the error rate is explained in
    `multilayer.experiments.sequential`.

    Args:
        data: a data set, as `load_images` takes it; a table, as `read_table` does; or a problem.
        settings: two or more, as text such as "hidden_widths=512,dropout=0.2" (see
            `read_settings`), or as they are.
        target: the column of a table to predict, or what all its columns are for.
        task: what the target is; None: its values tell.
        recipe: what the text changes; None: "chapter", and "default" for tables.
        metric: "accuracy" or "loss" of classes, "RMSE" or "R²" of numbers; None: the first of
            these. See `TableProblem`.
        matters: smallest difference of the metric that matters; None: 0.002 of accuracy, 0.005 of
            loss or R², a hundredth of the target's deviation of the RMSE.
        max_seeds: limit, at least 5.
        held_out: share of the rows to score on.
        seed: the first one; the others follow it.
        data_dir: where to look for the data set first.
        stop: when set, the comparison ends after the current batch.
        on_look: is given what is known after each look.

    Returns:
        What was known in the end; without pairs if it was stopped before the first look.

    Raises:
        SettingsError: there are less than two settings, one is written wrongly, or a number is out
            of range.
        DataError: the data cannot be had or used.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import compare
        >>> found = compare(
        ...     "surface.csv", "fast,max_epochs=2", "fast,max_epochs=30", target="y", metric="R²",
        ...     max_seeds=5,
        ... )
        >>> found.pairs[0].verdict
        'second is better'
    """
    looks = looks_up_to(max_seeds)
    if not 0 < held_out < 1:
        raise SettingsError(f"held_out must be above 0 and below 1; it is {held_out}")
    _check_number(settings)
    if recipe is not None:
        check_choice("recipe", recipe, get_args(RecipeName))  # though no setting may need it
    problem = load_problem(data, data_dir, target=target, task=task)
    metric = metric or problem.metrics[0]
    check_choice("metric", metric, problem.metrics)
    names = [text if isinstance(text, str) else _in_words(text) for text in settings]
    chosen = [
        replace(problem.settings(one, recipe) if isinstance(one, str) else one, seed=seed)
        for one in settings
    ]
    _check_settings(problem, names, chosen)
    num_scored_rows = len(problem.split(chosen[0], held_out)[2])
    resolution = problem.resolution(metric, num_scored_rows)
    rule = SequentialComparison(
        len(chosen),
        looks,
        matters if matters is not None else problem.smallest_that_matters(metric),
        resolution,
    )
    candidates = [
        Candidate(name, one, np.empty(0)) for name, one in zip(names, chosen, strict=True)
    ]
    begun = Comparison(
        problem.name, metric, rule.matters, looks, num_scored_rows, resolution,
        problem.has_fixed_split, tuple(candidates), (), False,
    )  # fmt: skip
    for comparison in _looks(problem, begun, rule, held_out, stop):
        if on_look is not None:
            on_look(comparison)
    return comparison


def _looks(
    problem: Problem,
    comparison: Comparison,
    rule: SequentialComparison,
    held_out: float,
    stop: Event | None,
) -> Iterator[Comparison]:
    metric = comparison.metric
    candidates = list(comparison.candidates)
    for num_seeds in rule.looks:
        for number in rule.undecided_settings:
            candidate = candidates[number]
            more = range(len(candidate.values), num_seeds)
            first = candidate.settings.seed
            members = [replace(candidate.settings, seed=first + place) for place in more]
            trained = repeat(problem, members, held_out=held_out, stop=stop)
            if trained.is_interrupted:
                yield replace(comparison, is_final=True, is_interrupted=True)
                return
            candidates[number] = _with_more(candidate, trained, metric)
        sign = -1 if metric in LOWER_IS_BETTER else 1
        scores = [sign * one.values for one in candidates]
        pairs = rule.look(scores)
        is_final = rule.is_decided or num_seeds == rule.looks[-1]
        comparison = replace(
            comparison, candidates=tuple(candidates), pairs=tuple(pairs), is_final=is_final
        )
        yield comparison
        if is_final:
            return


def _with_more(candidate: Candidate, trained: Repetitions, metric: MetricName) -> Candidate:
    values, num_diverged = trained.scores[metric], int(trained.is_diverged.sum())
    if not np.isfinite(values).all():
        advice = "compare by accuracy" if "accuracy" in trained.scores else "lower its rate"
        raise SettingsError(
            f"{candidate.name} diverged at {num_diverged} of {len(values)} seeds and has no "
            f"{metric} there; {advice}"
        )
    return replace(
        candidate,
        values=np.concatenate([candidate.values, values]),
        num_diverged=candidate.num_diverged + num_diverged,
        seconds=candidate.seconds + trained.seconds,
    )


def _check_number(settings: Sequence[str | TrainingSettings]) -> None:
    if len(settings) < 2:
        raise SettingsError(
            f"a comparison needs at least two settings, such as chapter hidden_widths=512; "
            f"given: {', '.join(map(str, settings)) or 'none'}"
        )


def _check_settings(
    problem: Problem, names: Sequence[str], settings: Sequence[TrainingSettings]
) -> None:
    for name, one in zip(names, settings, strict=True):
        if one.num_members > 1 or one.num_folds or one.num_draws:
            raise SettingsError(f"{name} is several networks; settings of single ones are compared")
        if one.selection != "last" and not one.validation_fraction:
            raise SettingsError(
                f"{name} selects by {one.selection!r} and needs a validation_fraction, such as 0.1"
            )
        problem.check(name, one)


def _in_words(settings: TrainingSettings) -> str:
    """What differs from the defaults, as text that `read_settings` reads."""
    default = TrainingSettings()
    changed = {
        name: value
        for name, value in vars(settings).items()
        if value != getattr(default, name) and name != "seed"
    }
    return (
        ",".join(
            f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
            for name, value in changed.items()
        )
        or "chapter"
    )
