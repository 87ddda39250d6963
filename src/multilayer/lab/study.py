"""Studies: the chapter's questions, each answered by many networks.

A study is a generator that yields a line on what it is doing now and then, and returns a `Finding`.
"""

import datetime
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError
from multilayer.files import write_text
from multilayer.lab.bench import this_machine
from multilayer.lab.problem import Problem, load_problem
from multilayer.lab.run_folder import RunFolder
from multilayer.lab.sequential import FEWEST_SEEDS
from multilayer.lab.written_settings import read_settings
from multilayer.report.markdown import markdown_table
from multilayer.report.panels import Panel, save_panels

# Where each study is, and whether it trains on data.
_STUDIES = {
    "width": ("width", True),
    "depth": ("depth", True),
    "bottleneck": ("bottleneck", True),
    "learning-rate": ("learning_rate", True),
    "activation": ("activation", True),
    "initialisation": ("initialisation", True),
    "batch-size": ("batch_size", True),
    "joint": ("joint", True),
    "speed": ("speed", False),
    "alignment": ("alignment", False),
    "baseline": ("baseline", True),
}
STUDY_NAMES = tuple(_STUDIES)

_QUICK_ROWS = 15_000


@dataclass(frozen=True, eq=False)
class Finding:
    """What a study found.

    Attributes:
        title: of the picture and the page.
        headers: of the table.
        rows: of the table.
        paragraph: what was found, and how sure it is.
        panels: the picture.
        document: all figures, as JSON holds them.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    paragraph: str
    panels: Sequence[Panel]
    document: dict[str, Any] = field(default_factory=dict)


Progress = Generator[str, None, Finding]


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """What a study works with.

    Attributes:
        problem: the rows; None for studies of speed.
        settings: what the study changes one thing of.
        num_seeds: repetitions of everything that is trained.
        matters: the smallest difference of accuracy that matters.
        is_quick: whether the study keeps to a few variants.
    """

    problem: Problem | None
    settings: TrainingSettings
    num_seeds: int
    matters: float
    is_quick: bool

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
            f"{self.problem.name}, {len(self.problem.examples):,} rows, "
            f"{self.settings.max_epochs} epochs, {self.num_seeds} seeds"
        )


def plan_study(
    name: str,
    data: str | Path | Problem = "fashion-mnist",
    *,
    settings: str = "chapter",
    num_seeds: int = 5,
    matters: float = 0.002,
    is_quick: bool = False,
    data_dir: str | Path | None = None,
) -> StudyPlan:
    """Check what a study is asked for, and load its data.

    Args:
        name: of `STUDY_NAMES`.
        data: a data set, as `load_images` takes it, or a problem.
        settings: what the study changes one thing of, as text, see `read_settings`.
        num_seeds: at least 5.
        matters: the smallest difference of accuracy that matters.
        is_quick: a minute instead of the whole: the first 15,000 rows, and fewer variants.
        data_dir: where to look for the data set first.

    Raises:
        SettingsError: the study is unknown or a number out of range.
        DataError: the data cannot be had or used.
    """
    check_choice("study", name, STUDY_NAMES)
    if num_seeds < FEWEST_SEEDS:
        raise SettingsError(
            f"a study needs at least {FEWEST_SEEDS} seeds to say anything, not {num_seeds}"
        )
    if not matters > 0:
        raise SettingsError(
            f"the smallest difference that matters must be above 0; it is {matters}"
        )
    chosen = read_settings(settings)
    problem = None
    if _STUDIES[name][1]:
        problem = data if isinstance(data, Problem) else load_problem(data, data_dir)
        if is_quick:
            problem = problem.first_rows(_QUICK_ROWS)
    return StudyPlan(problem, chosen, num_seeds, matters, is_quick)


def run_study(name: str, plan: StudyPlan) -> Progress:
    """Answer a question.

    Args:
        name: of `STUDY_NAMES`.
        plan: see `plan_study`.

    Yields:
        A line on what is being done.

    Returns:
        The finding.
    """
    module = import_module(f"multilayer.lab.studies.{_STUDIES[name][0]}")
    finding: Finding = yield from module.study(plan)
    return finding


def study(name: str, data: str | Path | Problem = "fashion-mnist", **options: Any) -> Finding:
    """Answer one of the chapter's questions; the options are those of `plan_study`."""
    progress = run_study(name, plan_study(name, data, **options))
    while True:
        try:
            next(progress)
        except StopIteration as end:
            finding: Finding = end.value
            return finding


def save_finding(name: str, finding: Finding, folder: RunFolder) -> None:
    """Write study.json, study.md, study.svg and study.png.

    Raises:
        OutputError: a file cannot be written.
    """
    machine = this_machine()
    today = datetime.date.today().isoformat()
    folder.write_json(
        "study.json",
        {
            "study": name,
            "date": today,
            "machine": asdict(machine),
            "title": finding.title,
            "table": {"headers": list(finding.headers), "rows": [list(r) for r in finding.rows]},
            "in_words": finding.paragraph,
            **finding.document,
        },
    )
    page = (
        f"# {finding.title}\n\n{finding.paragraph}\n\n"
        f"{markdown_table(finding.headers, finding.rows)}\n"
        f"![{finding.title}](study.svg)\n\n"
        f"{today}. {machine.processor}, {machine.num_threads} threads.\n"
    )
    write_text(folder.path / "study.md", page)
    save_panels(
        finding.panels,
        folder.path / "study.svg",
        folder.path / "study.png",
        title=finding.title,
    )
