"""Two setups against each other, decided by `compare`: same seeds, same rows held out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.experiments.compare import compare
from multilayer.experiments.comparison import Comparison
from multilayer.experiments.load_problem import load_problem
from multilayer.experiments.problem import Problem
from multilayer.playground.points import TARGET_NAMES, points_file
from multilayer.playground.refused import PageError
from multilayer.playground.setup import IMAGE_PROBLEMS, MADE_PROBLEMS, Setup
from multilayer.playground.words import Language, word
from multilayer.recipes.recipes import recipe

_OF_THE_DATA = ("problem", "noise", "num_rows", "seed", "target")
_VERDICTS = {
    "first is better": "verdict.first",
    "second is better": "verdict.second",
    "no difference that matters": "verdict.same",
    "undecided": "verdict.undecided",
}


@dataclass(frozen=True, eq=False)
class SetupVerdict:
    """What is known of two setups after a look.

    Attributes:
        first: a setup.
        second: another one.
        comparison: of both, with intervals and verdict; without pairs if it was stopped early.
    """

    first: Setup
    second: Setup
    comparison: Comparison

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What the setups differ in, by field: the first one's value and the second one's."""
        first, second = asdict(self.first), asdict(self.second)
        return {name: (first[name], second[name]) for name in first if first[name] != second[name]}

    def sentences(self, language: Language = "en") -> list[str]:
        """The verdict, the difference with its interval, and seeds that diverged."""
        known = self.comparison
        if not known.pairs:
            return [word("verdict.stopped", language)]
        (pair,) = known.pairs
        told = [
            word(_VERDICTS[pair.verdict], language).format(
                matters=f"{known.matters:g}", seeds=pair.num_seeds
            ),
            word("verdict.difference", language).format(
                metric=known.metric,
                mean=known.shown(pair.difference.mean, "+"),
                low=known.shown(pair.difference.low, "+"),
                high=known.shown(pair.difference.high, "+"),
                seeds=pair.num_seeds,
                rows=known.num_scored_rows,
            ),
        ]
        for place, candidate in enumerate(known.candidates):
            if candidate.num_diverged:
                told.append(
                    word(f"verdict.diverged_{('first', 'second')[place]}", language).format(
                        diverged=candidate.num_diverged, seeds=len(candidate.values)
                    )
                )
        return told


def compare_setups(
    first: Setup,
    second: Setup,
    table: str | Path | None = None,
    *,
    max_seeds: int = 20,
    stop: Event | None = None,
    on_look: Callable[[SetupVerdict], object] | None = None,
) -> SetupVerdict:
    """Find out which of two setups is better on the rows of their problem.

    Each trains its `num_epochs`. A fifth of the rows is held out anew for each seed; of images the
    test images are left alone.

    Args:
        first: a setup.
        second: another one for the same data.
        table: the reader's own file, for the problem "table".
        max_seeds: limit, at least 5.
        stop: when set, the comparison ends after the current batch.
        on_look: is given what is known after 5, 10, … seeds.

    Raises:
        SettingsError: they are of different data, or one diverged where the metric needs numbers.
        DataError: the data cannot be had or used.
    """
    for name in _OF_THE_DATA:
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours != theirs:
            raise PageError("other_data", name=name, first=repr(ours), second=repr(theirs))
    problem = _problem(first, table)

    def looked(comparison: Comparison) -> None:
        if on_look is not None:
            on_look(SetupVerdict(first, second, comparison))

    found = compare(
        problem, _settings(first, problem), _settings(second, problem),
        max_seeds=max_seeds, seed=first.seed, stop=stop, on_look=looked,
    )  # fmt: skip
    return SetupVerdict(first, second, found)


def _settings(setup: Setup, problem: Problem) -> TrainingSettings:
    """Of a single network; the comparison holds rows out itself."""
    changes = {**setup.changes(), "num_members": 1, "validation_fraction": 0.0}
    return recipe("chapter", problem.task, **changes)


def _problem(setup: Setup, table: str | Path | None) -> Problem:
    if setup.problem in IMAGE_PROBLEMS:
        return load_problem(setup.problem)
    if setup.problem in MADE_PROBLEMS:
        with points_file(setup) as path:
            return load_problem(path, target=TARGET_NAMES[setup.problem])
    if table is None or not setup.target:
        raise SettingsError("the problem 'table' needs a table and a target to be compared on")
    return load_problem(table, target=setup.target)
