"""Times studies and comparisons against the bare products and against one fit after another.

    python benchmarks/studies.py [--pieces "table,width 16"] [--again] [--report] [--write]

The pieces `width 16` to `width 2048` are `multilayer study width`'s work, 8 widths × 5 seeds × 10
epochs on 48,000 rows of Fashion-MNIST: the training as the study does it, scores included, and the
same networks' bare matrix products. The piece `table` is ten seeds of 20-128-128-2 on a table of
10,000 rows, together and one after another with the same engine, in turns; `commands` is the same
as `multilayer compare` and as ten `multilayer train` commands. Each piece takes less than four
minutes. What was measured is kept in the user's cache, and a run makes what is missing: it may be
stopped and continued.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from reporting import machine, write_result

from multilayer.drawing.panels import markdown_table
from multilayer.experiments.load_problem import load_problem
from multilayer.experiments.repetitions import repeat
from multilayer.experiments.studies.shapes import WIDTHS
from multilayer.recipes.recipes import recipe

RECORDS = platformdirs.user_cache_path("multilayer-benchmarks") / "studies.jsonl"
PIECES = ("table", "commands", *(f"width {width}" for width in WIDTHS))
NUM_SEEDS, NUM_EPOCHS = 5, 10
NUM_MEMBERS, NUM_ROUNDS = 10, 5
SETTINGS = (
    "chapter,hidden_widths=128,128,optimizer=adam,learning_rate=0.001,batch_size=200,max_epochs=10"
)
TRAIN_FLAGS = [
    "--recipe", "chapter", "--hidden-widths", "128,128", "--optimizer", "adam",
    "--learning-rate", "0.001", "--batch-size", "200", "--max-epochs", "10", "--quiet",
]  # fmt: skip
MULTILAYER = Path(sys.executable).with_name("multilayer")

Seconds = dict[str, list[float]]


def seconds(work: Callable[[], object]) -> float:
    """Time that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(*arguments: object) -> float:
    """Time that a command takes."""
    words = [str(MULTILAYER), *map(str, arguments)]
    return seconds(lambda: subprocess.run(words, check=True, capture_output=True))


def bare_products(width: int, num_rows: int, batch_size: int = 256) -> None:
    """The products of 784-width-10 for each of the seeds: all steps, and the scores at the end."""
    rows, hidden = torch.randn(batch_size, 784), torch.randn(batch_size, width)
    outputs, first = torch.randn(batch_size, 10), torch.randn(784, width)
    second, first_gradient = torch.randn(width, 10), torch.empty(784, width)
    second_gradient, hidden_gradient = torch.empty(width, 10), torch.empty(batch_size, width)
    for _ in range(NUM_SEEDS):
        for _ in range(NUM_EPOCHS * -(-num_rows // batch_size)):
            torch.mm(rows, first, out=hidden)
            torch.mm(hidden, second, out=outputs)
            torch.mm(hidden.t(), outputs, out=second_gradient)
            torch.mm(outputs, second.t(), out=hidden_gradient)
            torch.mm(rows.t(), hidden_gradient, out=first_gradient)
        for _ in range(num_rows // 4 // batch_size):
            torch.mm(rows, first, out=hidden)
            torch.mm(hidden, second, out=outputs)


def time_width(width: int) -> Seconds:
    """A width of the study, and its bare products."""
    problem = load_problem("fashion-mnist")
    settings = recipe(max_epochs=NUM_EPOCHS, hidden_widths=(width,))
    members = [replace(settings, seed=seed) for seed in range(NUM_SEEDS)]
    num_rows = len(problem) * 4 // 5
    return {
        "bare products": [seconds(lambda: bare_products(width, num_rows))],
        "study": [seconds(lambda: repeat(problem, members))],
    }


def write_table(path: Path) -> None:
    """10,000 rows of 20 numbers and a class."""
    source = np.random.default_rng(0)
    values = source.standard_normal((10_000, 20))
    labels = values @ source.standard_normal(20) > 0
    lines = [",".join([*(f"x{number}" for number in range(20)), "y"])]
    lines += [
        ",".join([*(f"{value:.4f}" for value in row), "yes" if label else "no"])
        for row, label in zip(values, labels, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def time_table(folder: Path) -> Seconds:
    """Ten seeds together and one after another, in turns."""
    problem = load_problem(folder / "table.csv", target="y")
    settings = problem.settings(SETTINGS)
    members = [replace(settings, seed=seed) for seed in range(NUM_MEMBERS)]
    repeat(problem, [replace(members[0], max_epochs=1)])
    times: Seconds = {"together": [], "one after another": []}
    for _ in range(NUM_ROUNDS):
        times["together"].append(seconds(lambda: repeat(problem, members)))
        times["one after another"].append(
            seconds(lambda: [repeat(problem, [member]) for member in members])
        )
    return times


def time_commands(folder: Path) -> Seconds:
    """A comparison of two settings over ten seeds, and a training command for each seed."""
    table = folder / "table.csv"
    compared = command(
        "compare", table, SETTINGS, f"{SETTINGS},dropout=0.01", "--target", "y", "--max-seeds",
        NUM_MEMBERS, "--matters", "1e-9", "--quiet", "--output", folder / "comparison",
    )  # fmt: skip
    trained = [
        command("train", table, "--target", "y", *TRAIN_FLAGS, "--validation", "0.2",
                "--seed", seed, "--output", folder / f"run-{seed}")
        for seed in range(NUM_MEMBERS)
    ]  # fmt: skip
    return {"half of compare": [compared / 2], "train commands": [sum(trained)]}


def measure(piece: str) -> Seconds:
    """Time a piece."""
    if piece.startswith("width "):
        return time_width(int(piece.removeprefix("width ")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "table.csv")
        return {"table": time_table, "commands": time_commands}[piece](folder)


def append(piece: str, times: Seconds) -> None:
    """Keep what was measured."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    RECORDS.parent.mkdir(parents=True, exist_ok=True)
    with RECORDS.open("a") as file:
        file.write(json.dumps({"piece": piece, "seconds": times, "measured": now}) + "\n")


def latest() -> dict[str, dict[str, Any]]:
    """The last measurement of each piece."""
    if not RECORDS.exists():
        return {}
    lines = (json.loads(line) for line in RECORDS.read_text().splitlines())
    return {line["piece"]: line for line in lines}


def report(found: dict[str, dict[str, Any]]) -> str:
    """The tables, of what there is."""
    parts = [f"{__doc__.splitlines()[0]}\n\n{machine()}"]
    times = {
        name: statistics.median(values)
        for piece in ("table", "commands")
        if piece in found
        for name, values in found[piece]["seconds"].items()
    }
    if times:
        names = {
            "together": "ten seeds together, as `compare` trains them",
            "one after another": "ten fits one after another with the same engine",
            "half of compare": "`multilayer compare` of two settings, ten seeds each, halved",
            "train commands": "ten `multilayer train` commands",
        }
        rows = [
            [
                names[name],
                f"{value:.2f}",
                f"{value / times['together']:.2f}" if "together" in times else "",
                f"{value / times['half of compare']:.2f}" if "half of compare" in times else "",
            ]
            for name, value in times.items()
        ]
        headers = ["", "seconds", "to ten seeds together", "to half of compare"]
        title = "Ten seeds of 20-128-128-2 on a table of 10,000 rows, 10 epochs; medians of rounds"
        parts.append(f"{title}\n\n{markdown_table(headers, rows)}")
    widths = [piece for piece in PIECES if piece.startswith("width ") and piece in found]
    if widths:
        pairs = [
            (found[piece]["seconds"]["bare products"][0], found[piece]["seconds"]["study"][0])
            for piece in widths
        ]
        rows = [
            [piece.removeprefix("width "), f"{bare:.2f}", f"{study:.2f}", f"{study / bare:.2f}"]
            for piece, (bare, study) in zip(widths, pairs, strict=True)
        ]
        bare, study = (sum(column) for column in zip(*pairs, strict=True))
        name = "all" if len(widths) == len(WIDTHS) else "these"
        rows.append([name, f"{bare:.2f}", f"{study:.2f}", f"{study / bare:.2f}"])
        title = f"{NUM_SEEDS} seeds × {NUM_EPOCHS} epochs of each width on Fashion-MNIST"
        headers = ["width", "bare products, s", "study, s", "ratio"]
        parts.append(f"{title}\n\n{markdown_table(headers, rows)}")
    missing = [piece for piece in PIECES if piece not in found]
    if missing:
        parts.append(f"Not measured: {', '.join(missing)}.\n")
    return "\n".join(parts)


def chosen(text: str | None) -> Sequence[str]:
    """The pieces of a list with commas.

    Raises:
        SystemExit: one of them is not known.
    """
    pieces = text.split(",") if text else list(PIECES)
    for piece in pieces:
        if piece not in PIECES:
            sys.exit(f"error: unknown piece {piece!r}; known: {', '.join(PIECES)}")
    return pieces


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", help=f"of {', '.join(PIECES)}; default: all")
    parser.add_argument("--again", action="store_true", help="measure also what is measured")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    for piece in () if options.report else chosen(options.pieces):
        if options.again or piece not in latest():
            times = measure(piece)
            append(piece, times)
            shown = ", ".join(f"{name} {statistics.median(t):.2f} s" for name, t in times.items())
            print(f"{piece}: {shown}", file=sys.stderr, flush=True)
    text = report(latest())
    print(text)
    if options.write:
        write_result("studies", text)


if __name__ == "__main__":
    main()
