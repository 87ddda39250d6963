"""Studies: the chapter's questions, each answered by many networks.

A study is a generator: it yields lines on what it is doing, and returns a `StudyResult`.
"""

import datetime
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from multilayer.drawing.panels import Panel, markdown_table, save_panels
from multilayer.experiments.problem import Problem
from multilayer.experiments.study_plan import STUDIES, StudyInterruptedError, StudyPlan, plan_study
from multilayer.files import write_text
from multilayer.proofs.bench import this_machine
from multilayer.runs.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    Attributes:
        title: of the picture and the page.
        headers: of the table.
        rows: of the table.
        paragraph: what was found, and how sure it is.
        panels: the picture.
        document: all figures, as JSON holds them.
        is_interrupted: the study was stopped, and this is what was finished.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    paragraph: str
    panels: Sequence[Panel]
    document: dict[str, Any] = field(default_factory=dict)
    is_interrupted: bool = False


StudySteps = Generator[str, None, StudyResult]


def run_study(name: str, plan: StudyPlan) -> StudySteps:
    """Answer a question.

    Yields:
        A line on what is being done.

    Returns:
        The result; after a stop what was finished until then.
    """
    module = import_module(f"multilayer.experiments.studies.{STUDIES[name][0]}")
    steps = getattr(module, f"study_{name.replace('-', '_')}")(plan)
    try:
        while True:
            try:
                line = next(steps)
            except StopIteration as end:
                result: StudyResult = end.value
                return result
            if plan.stop is not None and plan.stop.is_set():
                raise StudyInterruptedError
            yield line
    except StudyInterruptedError:
        return _partial_result(name, plan)


def _partial_result(name: str, plan: StudyPlan) -> StudyResult:
    num_parts = len(plan.finished)
    title = f"{name}, interrupted" + (f": {plan.in_words}" if plan.problem is not None else "")
    return StudyResult(
        title,
        ["", "milliseconds", "95% of the rounds"]
        if plan.problem is None
        else ["", plan.metric, "95% interval"],
        [[part.name, part.value, part.interval] for part in plan.finished],
        f"The study was interrupted after {num_parts} part{'s' * (num_parts != 1)}; the rest was "
        "not measured, and nothing was compared.",
        [],
        {"finished": [asdict(part) for part in plan.finished]},
        is_interrupted=True,
    )


def study(name: str, data: str | Path | Problem = "fashion-mnist", **options: Any) -> StudyResult:
    """Answer one of the chapter's questions; the options are those of `plan_study`.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import study
        >>> settings = "fast,max_epochs=2,hidden_widths=4"
        >>> found = study("baseline", "surface.csv", target="y", settings=settings)
        >>> [row[0] for row in found.rows]
        ['linear regression', 'MLP with 4']
    """
    return result_of(run_study(name, plan_study(name, data, **options)))


def result_of(steps: StudySteps, show: Callable[[str], object] = str) -> StudyResult:
    """Let a study run to its end, and show each line."""
    while True:
        try:
            show(next(steps))
        except StopIteration as end:
            result: StudyResult = end.value
            return result


def save_study(name: str, result: StudyResult, folder: RunFolder) -> None:
    """Write study.json, study.md, study.svg and study.png; of a part of a study no picture.

    Raises:
        OutputError: a file cannot be written.
    """
    machine = this_machine()
    today = datetime.date.today().isoformat()
    folder.write_json(
        "study.json",
        {
            "study": name,
            "status": "interrupted" if result.is_interrupted else "finished",
            "date": today,
            "machine": asdict(machine),
            "title": result.title,
            "table": {"headers": list(result.headers), "rows": [list(r) for r in result.rows]},
            "in_words": result.paragraph,
            **result.document,
        },
    )
    picture = f"![{result.title}](study.svg)\n\n" if result.panels else ""
    page = (
        f"# {result.title}\n\n{result.paragraph}\n\n"
        f"{markdown_table(result.headers, result.rows)}\n"
        f"{picture}"
        f"{today}. {machine.processor}, number of threads: {machine.num_threads}.\n"
    )
    write_text(folder.path / "study.md", page)
    if result.panels:
        save_panels(
            result.panels,
            folder.path / "study.svg",
            folder.path / "study.png",
            title=result.title,
        )
