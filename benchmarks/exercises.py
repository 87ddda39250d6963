"""Writes docs/exercises.md: the chapter's exercises, answered by `multilayer study`.

    python benchmarks/exercises.py FOLDER [--quick]

Runs each study into FOLDER/NAME, unless it is there, and puts together what they wrote: paragraph,
table, picture, date and machine. Leave the machine alone for the studies of speed.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from multilayer.report.markdown import markdown_table

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
HEAD = """# The chapter's exercises, answered

Each answer below was written by a command, which trains several networks of every kind over the
same seeds, scores them on training rows held out (never on the test rows), and says how sure it is.
The commands stand above the answers; with `--quick` they take about a minute each, and without it
they take all 60,000 pictures and more variants. What `multilayer study` says on your machine will
differ in the last digits, and in all figures of time: only those of the sixth and seventh answer
and of the batch sizes were measured with the machine left alone.
"""


def answer(name: str, folder: Path, is_quick: bool) -> str:
    """A section of the page; runs the study if it has not been run."""
    if not (folder / "study.json").is_file():
        multilayer = Path(sys.executable).with_name("multilayer")
        quick = ["--quick"] if is_quick else []
        subprocess.run([multilayer, "study", name, *quick, "--output", folder], check=True)
    document: dict[str, Any] = json.loads((folder / "study.json").read_text())
    image = DOCS / "images" / f"study-{name}.svg"
    shutil.copyfile(folder / "study.svg", image)
    machine = document["machine"]
    table = markdown_table(document["table"]["headers"], document["table"]["rows"])
    quick = " --quick" if is_quick else ""
    return (
        f"## {EXERCISES[name]}\n\n"
        f"    multilayer study {name}{quick}\n\n"
        f"{document['in_words']}\n\n![{document['title']}](images/{image.name})\n\n{table}\n"
        f"{document['title']}. {document['date']}; {machine['processor']}, "
        f"{machine['num_processors']} cores, {machine['num_threads']} threads.\n"
    )


def main() -> None:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sections = [answer(name, options.folder / name, options.quick) for name in EXERCISES]
    (DOCS / "exercises.md").write_text("\n".join([HEAD, *sections]))


if __name__ == "__main__":
    main()
