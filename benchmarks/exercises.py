"""Writes docs/exercises.md: the chapter's exercises, answered by `multilayer study`.

    python benchmarks/exercises.py FOLDER [--studies width,depth] [--quick]

Runs each study into FOLDER/NAME, unless it is there, and puts together what they wrote: paragraph,
table, picture, date and machine. Half an hour in all with the machine left alone, as the studies of
speed need it; a study takes at most five minutes, so that it may be done in pieces. The page is
written once all studies are there.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from multilayer.drawing.panels import markdown_table

DOCS = Path(__file__).parent.parent / "docs"
EXERCISES = {
    "width": "1. How does the number of hidden neurons change the accuracy, and which is best?",
    "depth": "2. What does another hidden layer change?",
    "bottleneck": "3. Why is a hidden layer of a single neuron a bad idea?",
    "learning-rate": "4. Which learning rate is best, and what has it to do with the epochs?",
    "joint": "5. How does one choose all of it at once?",
    "speed": "6. How fast are the network from scratch and the API's as the network grows?",
    "alignment": "7. Do sizes that are powers of two pay?",
    "activation": "8. Which activation function works best?",
    "initialisation": "9. Do the first weights matter?",
    "batch-size": "And: how many rows should a step see?",
    "baseline": "And: is the hidden layer worth anything?",
}
# What each study works with: seeds enough to tell variants apart, rows enough to be about the task.
SIZES = {
    "width": ["--seeds", "8", "--rows", "40000"],
    "depth": ["--seeds", "8", "--rows", "30000"],
    "bottleneck": ["--seeds", "10", "--rows", "30000"],
    "learning-rate": ["--seeds", "10", "--rows", "40000"],
    "joint": ["--seeds", "10", "--rows", "20000"],
    "speed": [],
    "alignment": [],
    "activation": ["--seeds", "10", "--rows", "30000"],
    "initialisation": ["--seeds", "10", "--rows", "30000"],
    "batch-size": ["--seeds", "8", "--rows", "20000"],
    "baseline": ["--seeds", "20"],
}
HEAD = """# The chapter's exercises, answered

Each answer below was written by a command, which trains several networks of every kind over the
same seeds, scores them on training rows held out (never on the test rows), and says how sure it is.
The command stands above each answer, with as many seeds and rows as it took; without --seeds and
--rows a study has five seeds and all 60,000 pictures, and with `--quick` it takes about a minute.
What `multilayer study` says on your machine will differ in the last digits, and in all figures of
time. The machine was left alone while these were measured.
"""


def arguments(name: str, is_quick: bool) -> list[str]:
    """Of `multilayer`, for a study."""
    return ["study", name, *(["--quick"] if is_quick else SIZES[name])]


def is_finished(folder: Path) -> bool:
    """Whether a study is there as a whole."""
    path = folder / "study.json"
    return path.is_file() and json.loads(path.read_text())["status"] == "finished"


def run(name: str, folder: Path, is_quick: bool) -> None:
    """Run a study, in the place of what is left of one that was interrupted."""
    if folder.exists():
        shutil.rmtree(folder)
    multilayer = Path(sys.executable).with_name("multilayer")
    began = time.perf_counter()
    subprocess.run([multilayer, *arguments(name, is_quick), "--output", folder], check=True)
    print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def answer(name: str, folder: Path, is_quick: bool) -> str:
    """A section of the page."""
    document: dict[str, Any] = json.loads((folder / "study.json").read_text())
    image = DOCS / "images" / f"study-{name}.svg"
    shutil.copyfile(folder / "study.svg", image)
    machine = document["machine"]
    table = markdown_table(document["table"]["headers"], document["table"]["rows"])
    return (
        f"## {EXERCISES[name]}\n\n"
        f"    multilayer {' '.join(arguments(name, is_quick))}\n\n"
        f"{document['in_words']}\n\n![{document['title']}](images/{image.name})\n\n{table}\n"
        f"{document['title']}. {document['date']}; {machine['processor']}, "
        f"{machine['num_processors']} cores, {machine['num_threads']} threads.\n"
    )


def main() -> None:
    """Run what is missing, and write the page once everything is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", help=f"of {', '.join(EXERCISES)}; default: all")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    names = options.studies.split(",") if options.studies else list(EXERCISES)
    unknown = [name for name in names if name not in EXERCISES]
    if unknown:
        sys.exit(f"error: unknown study {unknown[0]!r}; known: {', '.join(EXERCISES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not is_finished(options.folder / name):
            run(name, options.folder / name, options.quick)
    missing = [name for name in EXERCISES if not is_finished(options.folder / name)]
    if missing:
        print(f"the page is not written yet; missing: {', '.join(missing)}", file=sys.stderr)
        return
    sections = [answer(name, options.folder / name, options.quick) for name in EXERCISES]
    (DOCS / "exercises.md").write_text("\n".join([HEAD, *sections]))


if __name__ == "__main__":
    main()
