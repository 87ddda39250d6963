"""Studies: the chapter's questions, each answered by many networks.

A study is a generator that yields a line on what it is doing now and then, and returns a `Finding`.
"""

import datetime
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from multilayer.drawing.markdown import markdown_table
from multilayer.drawing.panels import Panel, save_panels
from multilayer.experiments.problem import Problem
from multilayer.experiments.study_plan import STUDIES, StudyInterruptedError, StudyPlan, plan_study
from multilayer.files import write_text
from multilayer.proofs.bench import this_machine
from multilayer.runs.run_folder import RunFolder


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
        is_interrupted: the study was stopped, and this is what was finished.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    paragraph: str
    panels: Sequence[Panel]
    document: dict[str, Any] = field(default_factory=dict)
    is_interrupted: bool = False


Progress = Generator[str, None, Finding]


def run_study(name: str, plan: StudyPlan) -> Progress:
    """Answer a question.

    Args:
        name: of `STUDY_NAMES`.
        plan: see `plan_study`.

    Yields:
        A line on what is being done.

    Returns:
        The finding; after a stop what was finished until then.
    """
    module = import_module(f"multilayer.experiments.studies.{STUDIES[name][0]}")
    steps = module.study(plan)
    try:
        while True:
            try:
                line = next(steps)
            except StopIteration as end:
                finding: Finding = end.value
                return finding
            if plan.stop is not None and plan.stop.is_set():
                raise StudyInterruptedError
            yield line
    except StudyInterruptedError:
        return _partial_finding(name, plan)


def _partial_finding(name: str, plan: StudyPlan) -> Finding:
    num_parts = len(plan.finished)
    title = f"{name}, interrupted" + (f": {plan.in_words}" if plan.problem is not None else "")
    return Finding(
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
            "status": "interrupted" if finding.is_interrupted else "finished",
            "date": today,
            "machine": asdict(machine),
            "title": finding.title,
            "table": {"headers": list(finding.headers), "rows": [list(r) for r in finding.rows]},
            "in_words": finding.paragraph,
            **finding.document,
        },
    )
    picture = f"![{finding.title}](study.svg)\n\n" if finding.panels else ""
    page = (
        f"# {finding.title}\n\n{finding.paragraph}\n\n"
        f"{markdown_table(finding.headers, finding.rows)}\n"
        f"{picture}"
        f"{today}. {machine.processor}, {machine.num_threads} threads.\n"
    )
    write_text(folder.path / "study.md", page)
    if finding.panels:
        save_panels(
            finding.panels,
            folder.path / "study.svg",
            folder.path / "study.png",
            title=finding.title,
        )
