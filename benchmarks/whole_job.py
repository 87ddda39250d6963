"""Times the whole job, from process start to exit: ten epochs of the chapter's network.

    python benchmarks/whole_job.py [--repeats 7] [--book-repeats 3] [--write]

784-256-10 on Fashion-MNIST, a validation pass after each epoch. `multilayer train` leaves a run
folder with the model and its pictures; the book's own package leaves nothing. The book's program is
printed_chapter.py, in an environment of its own with the versions that the package asks for, and
once more with its live plot switched off. The data are on the disk for all.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from environments import REQUIREMENTS, clean_environment, python_of
from reporting import machine, markdown_table, write_result
from workers import note

from multilayer.images.datasets import load_images
from multilayer.images.idx import write_idx

NUM_EPOCHS = 10


@dataclass
class Job:
    """A way to do it.

    Args:
        run: does it in a folder, and returns the seconds of its epochs and its last accuracy.
        seconds: from process start to exit, of each run.
    """

    run: Callable[[Path], tuple[float, float]]
    seconds: list[float] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    accuracy: float = 0.0

    def take_turn(self) -> None:
        """Run it once, in an empty folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "here").mkdir()
            lay_out_data(Path(folder) / "data" / "FashionMNIST" / "raw")
            began = time.perf_counter()
            train_seconds, self.accuracy = self.run(Path(folder) / "here")
            self.seconds.append(time.perf_counter() - began)
            self.epoch_seconds.append(train_seconds / NUM_EPOCHS)


def lay_out_data(folder: Path) -> None:
    """Put Fashion-MNIST where the book's package looks before it asks the internet."""
    folder.mkdir(parents=True)
    dataset = load_images("fashion-mnist")
    for prefix, split in (("train", dataset.train), ("t10k", dataset.test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte", split.images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", split.labels.astype("uint8"))


def multilayer_train(folder: Path) -> tuple[float, float]:
    """`multilayer train fashion-mnist`, as `make run` calls it."""
    command = Path(sys.executable).with_name("multilayer")
    call([command, "train", "fashion-mnist", "--output", "run"], folder)
    lines = (folder / "run" / "history.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    return sum(epoch["seconds"] for epoch in epochs), epochs[-1]["validation_accuracy"]


def book(*options: str) -> Callable[[Path], tuple[float, float]]:
    """The book's package; the option --no-plot switches its live plot off."""
    python, program = python_of("book"), Path(__file__).with_name("printed_chapter.py")

    def run(folder: Path) -> tuple[float, float]:
        answer = json.loads(call([python, program, *options], folder).splitlines()[-1])
        return answer["train_seconds"], answer["accuracy"]

    return run


def call(command: list[str | Path], folder: Path) -> str:
    """Run a program in a folder; what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(MPLBACKEND="Agg"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stderr}\nerror: {command[0]} failed")
    return done.stdout


def report(jobs: dict[str, Job]) -> str:
    """A Markdown table."""

    def median(job: Job) -> float:
        return statistics.median(job.seconds)

    ours = next(iter(jobs.values()))
    rows = [
        [
            name,
            f"{median(job):.2f}",
            f"{min(job.seconds):.2f} to {max(job.seconds):.2f}",
            f"{median(job) / median(ours):.1f}",
            f"{statistics.median(job.epoch_seconds):.3f}",
            f"{statistics.median(job.epoch_seconds) / statistics.median(ours.epoch_seconds):.1f}",
            str(len(job.seconds)),
            f"{job.accuracy:.3f}",
        ]
        for name, job in jobs.items()
    ]
    headers = [
        "", "seconds, start to exit", "least to most", "to multilayer's", "seconds an epoch",
        "to multilayer's", "runs", "accuracy",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--book-repeats", type=int, default=3, help="0 leaves the book out")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    jobs = {"multilayer train": Job(multilayer_train)}
    if options.book_repeats:
        jobs["the book's package, as printed"] = Job(book())
        jobs["the book's package, no live plot"] = Job(book("--no-plot"))
    for number in range(max(options.repeats, options.book_repeats)):
        for name, job in jobs.items():
            if number < (options.book_repeats if "book" in name else options.repeats):
                note(f"round {number + 1}, {name}")
                job.take_turn()
    pins = ", ".join(REQUIREMENTS["book"]).replace("==", " ")
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}The book's: {pins}\n\n{report(jobs)}"
    print(text)
    if options.write:
        write_result("whole-job", text)


if __name__ == "__main__":
    main()
