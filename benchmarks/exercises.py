"""Writes docs/exercises.md and docs/ru/exercises.md: the chapter's exercises, answered.

    python benchmarks/exercises.py                   # writes pages and pictures, of what is kept
    python benchmarks/exercises.py --measure [--studies width,depth] [--seconds 240]

Everything that the studies measure is kept in results/exercises.jsonl, network by network, and
--measure adds what is missing: it may be stopped at any time, and with --seconds it stops by
itself. It exits with 1 while something is missing. What the pages say is worked out anew from the
figures, by the studies themselves, whenever they are written; nothing is trained for that.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import exercises_english
import exercises_russian
from exercise_figures import KeptFigures, KnownRows
from exercise_groups import Answer

from multilayer.drawing.panels import save_panels
from multilayer.experiments.study import result_of, run_study
from multilayer.experiments.study_plan import STUDIES, plan_study

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RECORDS = ROOT / "benchmarks" / "results" / "exercises.jsonl"
ALL_ROWS = 60_000
PAGES = {
    "english": (DOCS / "exercises.md", exercises_english.page),
    "russian": (DOCS / "ru" / "exercises.md", exercises_russian.page),
}
MATTERS = 0.005


@dataclass(frozen=True)
class Size:
    """How much a study trains: of all rows, always.

    Args:
        num_seeds: networks of each variant.
        has_fewer_variants: those of `--quick`.
    """

    num_seeds: int
    has_fewer_variants: bool = False


SIZES = {
    "width": Size(5, True),
    "depth": Size(5, True),
    "bottleneck": Size(10),
    "learning-rate": Size(5),
    "joint": Size(5, True),
    "speed": Size(5),
    "alignment": Size(5),
    "activation": Size(5),
    "initialisation": Size(5),
    "batch-size": Size(5),
    "baseline": Size(5),
}


def command_of(name: str) -> str:
    """What to type for a study."""
    size = SIZES[name]
    words = ["multilayer", "study", name]
    if STUDIES[name][1]:
        words += ["--seeds", str(size.num_seeds), "--matters", f"{MATTERS:g}"]
        words += ["--quick", "--rows", str(ALL_ROWS)] if size.has_fewer_variants else []
    return " ".join(words)


def answer(name: str, figures: KeptFigures) -> Answer:
    """Do a study, with what is kept and what there is time to measure."""
    trains, size = STUDIES[name][1], SIZES[name]
    plan = plan_study(
        name,
        KnownRows(ALL_ROWS) if trains and not figures.can_measure else "fashion-mnist",
        num_seeds=size.num_seeds,
        matters=MATTERS,
        is_quick=size.has_fewer_variants,
        num_rows=ALL_ROWS if trains else None,
    )
    figures.used.clear()
    result = result_of(run_study(name, replace(plan, figures=figures)))
    origins = sorted({figures.origin(thing) for thing in figures.used}, key=str)
    num_networks = sum("score" in figures.figure(thing) for thing in figures.used)
    return Answer(name, command_of(name), plan, result, origins, num_networks)


def main() -> None:
    """Measure what is missing if asked to, and write the pages once everything is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="measure what is missing")
    parser.add_argument("--studies", help=f"of {', '.join(SIZES)}; default: all")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin nothing after these")
    options = parser.parse_args()
    names = options.studies.split(",") if options.studies else list(SIZES)
    unknown = [name for name in names if name not in SIZES]
    if unknown:
        sys.exit(f"error: unknown study {unknown[0]!r}; known: {', '.join(SIZES)}")
    deadline = time.monotonic() + options.seconds if options.measure else None
    figures = KeptFigures(RECORDS, deadline)
    answers = []
    for name in names:
        answers.append(answer(name, figures))
        if answers[-1].result.is_interrupted:
            sys.exit(f"{name}: something is still missing; --measure measures it")
    if options.studies:
        return
    for one in answers:
        save_panels(one.result.panels, DOCS / "images" / f"study-{one.name}.svg",
                    title=one.result.title)  # fmt: skip
    for path, page in PAGES.values():
        path.write_text(page(answers))


if __name__ == "__main__":
    main()
