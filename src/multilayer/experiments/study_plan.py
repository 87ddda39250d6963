"""What a study is asked for, checked, and the rows that it works with."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from multilayer.columns.target_values import Task
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError
from multilayer.experiments.load_problem import load_problem
from multilayer.experiments.problem import MetricName, Problem
from multilayer.experiments.sequential import FEWEST_SEEDS, check_matters
from multilayer.experiments.study_figures import Figures
from multilayer.fit.column_roles import ColumnRoles
from multilayer.recipes.recipes import recipe

# Where each study is, and whether it trains on data.
STUDIES = {
    "width": ("shapes", True),
    "depth": ("shapes", True),
    "bottleneck": ("bottleneck", True),
    "learning-rate": ("step_size", True),
    "activation": ("activation", True),
    "initialisation": ("initialisation", True),
    "batch-size": ("step_size", True),
    "joint": ("joint", True),
    "speed": ("speed", False),
    "alignment": ("alignment", False),
    "baseline": ("shapes", True),
}
STUDY_NAMES = tuple(STUDIES)

_TABLE_SETTINGS = "fast"  # what a table's studies change; the chapter's learn too little of one
_FEWEST_ROWS = 100
_QUICK_ROWS = 15_000
_QUICK_TABLE_ROWS, _QUICK_TABLE_EPOCHS = 3_000, 30


class StudyInterruptedError(Exception):
    """A study was asked to stop, and did before it was finished."""


@dataclass(frozen=True)
class FinishedPart:
    """A part of a study, kept for the case that it is interrupted."""

    name: str
    value: str
    interval: str


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """What a study works with.

    Attributes:
        problem: the rows; None for studies of speed.
        settings: what the study changes one thing of.
        num_seeds: repetitions of everything that is trained.
        matters: the smallest difference of the metric that matters.
        is_quick: whether the study keeps to a few variants.
        stop: when set, the study ends after the current batch.
        finished: its parts so far; the study adds to them.
        figures: where what it measures comes from.
    """

    problem: Problem | None
    settings: TrainingSettings
    num_seeds: int
    matters: float
    is_quick: bool
    stop: Event | None = None
    finished: list[FinishedPart] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)

    @property
    def metric(self) -> MetricName:
        """What variants are compared by; more of it is better."""
        return self.rows.study_metric

    @property
    def panel_title(self) -> str:
        """Of a picture of it."""
        return f"{self.metric[0].upper()}{self.metric[1:]} on held-out rows"

    @property
    def rows(self) -> Problem:
        """The rows, of a study that trains on some."""
        assert self.problem is not None
        return self.problem

    @property
    def in_words(self) -> str:
        """On what, how long and how often."""
        assert self.problem is not None
        return (
            f"{self.problem.name}, {len(self.problem):,} rows, "
            f"{self.settings.max_epochs} epoch{'s' * (self.settings.max_epochs != 1)}, "
            f"{self.num_seeds} seeds"
        )


def plan_study(
    name: str,
    data: str | Path | Problem = "fashion-mnist",
    *,
    target: str | ColumnRoles | None = None,
    task: Task | None = None,
    settings: str | None = None,
    num_seeds: int = 5,
    matters: float | None = None,
    is_quick: bool = False,
    num_rows: int | None = None,
    data_dir: str | Path | None = None,
    stop: Event | None = None,
) -> StudyPlan:
    """Check what a study is asked for, and load its data.

    Args:
        name: of `STUDY_NAMES`.
        data: a data set, as `load_images` takes it; a table, as `read_table` does; or a problem.
        target: the column of a table to predict, or what all its columns are for.
        task: what the target is; None: its values tell.
        settings: what the study changes one thing of, as text, see `read_settings`; None:
            "chapter", and "fast" for tables.
        num_seeds: at least 5.
        matters: the smallest difference that matters of the accuracy, or of R² where numbers are
            predicted; None: 0.002, and 0.005 of R².
        is_quick: a minute instead of the whole: the first 15,000 rows (3,000 of a table, and 30
            epochs at most), and fewer variants.
        num_rows: the first so many rows alone; None: all, or as many as `is_quick` says.
        data_dir: where to look for the data set first.
        stop: when set, the study ends after the current batch with what was finished.

    Raises:
        SettingsError: the study is unknown or does not fit the data, or a number is out of range.
        DataError: the data cannot be had or used.
    """
    check_choice("study", name, STUDY_NAMES)
    if num_seeds < FEWEST_SEEDS:
        raise SettingsError(
            f"num_seeds must be at least {FEWEST_SEEDS} for anything to be said; it is {num_seeds}"
        )
    check_matters(matters)
    if num_rows is not None and num_rows < _FEWEST_ROWS:
        raise SettingsError(f"num_rows must be at least {_FEWEST_ROWS}; it is {num_rows}")
    if not STUDIES[name][1]:
        if target is not None:
            raise SettingsError(f"the study {name} trains on rows of its own; leave out --target")
        return StudyPlan(None, recipe(), num_seeds, matters or 0.002, is_quick, stop)
    problem = load_problem(data, data_dir, target=target, task=task)
    _check_fit(name, problem)
    is_table = problem.task != "images"
    if num_rows is None and is_quick:
        num_rows = _QUICK_TABLE_ROWS if is_table else _QUICK_ROWS
    if num_rows is not None:
        problem = problem.first_rows(num_rows)
    chosen = problem.settings(settings, _TABLE_SETTINGS if is_table else None)
    if is_quick and is_table and chosen.max_epochs > _QUICK_TABLE_EPOCHS:
        chosen = replace(chosen, max_epochs=_QUICK_TABLE_EPOCHS)
    if chosen.num_members > 1 or chosen.num_folds:
        raise SettingsError(f"{settings} is several networks; a study varies a single one")
    if matters is None:
        matters = problem.smallest_that_matters(problem.study_metric)
    return StudyPlan(problem, chosen, num_seeds, matters, is_quick, stop)


def _check_fit(name: str, problem: Problem) -> None:
    if problem.task == "multilabel":
        raise SettingsError(
            f"studies are about one class or about numbers; {problem.name} has several labels to "
            "predict: try multilayer compare"
        )
    if name == "bottleneck" and problem.task == "regression":
        raise SettingsError(
            "the study bottleneck is about classes that one neuron cannot hold apart; "
            f"{problem.name} has numbers to predict"
        )
