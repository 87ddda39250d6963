"""Times studies and comparisons against the bare products and against one fit after another.

    python benchmarks/studies.py [--epochs 2] [--write]

First `multilayer study width`'s work, 8 widths × 5 seeds on 48,000 rows of Fashion-MNIST: the
training as the study does it, scores included, and the same networks' bare matrix products, which
take turns width by width. The study has 10 epochs; both are in proportion to the epochs, of which
--epochs are timed. Then ten seeds of 20-128-128-2 on 10,000 rows of 20 columns: together, one after
another with the same engine, and as commands, for which the rows are an MNIST-like folder.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from reporting import machine, write_result

from multilayer.data.idx import write_idx
from multilayer.estimators.recipes import recipe
from multilayer.lab.problem import load_problem
from multilayer.lab.repetitions import repeat
from multilayer.lab.studies.width import WIDTHS
from multilayer.report.markdown import markdown_table

NUM_SEEDS = 5
TABLE = recipe(
    hidden_widths=(128, 128), optimizer="adam", learning_rate=0.001, batch_size=200, max_epochs=10
)
TABLE_FLAGS = [
    "--hidden-widths", "128,128", "--optimizer", "adam", "--learning-rate", "0.001",
    "--batch-size", "200", "--max-epochs", "10",
]  # fmt: skip
MULTILAYER = Path(sys.executable).with_name("multilayer")


def seconds(work: Callable[[], object]) -> float:
    """Time that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_products(width: int, num_rows: int, num_epochs: int, batch_size: int = 256) -> None:
    """The products of 784-width-10 for each of the seeds: all steps, and the scores at the end."""
    rows, hidden = torch.randn(batch_size, 784), torch.randn(batch_size, width)
    outputs, first = torch.randn(batch_size, 10), torch.randn(784, width)
    second, first_gradient = torch.randn(width, 10), torch.empty(784, width)
    second_gradient, hidden_gradient = torch.empty(width, 10), torch.empty(batch_size, width)
    for _ in range(NUM_SEEDS):
        for _ in range(num_epochs * -(-num_rows // batch_size)):
            torch.mm(rows, first, out=hidden)
            torch.mm(hidden, second, out=outputs)
            torch.mm(hidden.t(), outputs, out=second_gradient)
            torch.mm(outputs, second.t(), out=hidden_gradient)
            torch.mm(rows.t(), hidden_gradient, out=first_gradient)
        for _ in range(num_rows // 4 // batch_size):
            torch.mm(rows, first, out=hidden)
            torch.mm(hidden, second, out=outputs)


def time_width_study(num_epochs: int) -> list[list[str]]:
    """A row for each width, and one for all."""
    problem = load_problem("fashion-mnist")
    num_rows = len(problem.examples) * 4 // 5
    settings = recipe(max_epochs=num_epochs)
    rows, totals = [], [0.0, 0.0]
    for width in WIDTHS:
        members = [replace(settings, hidden_widths=(width,), seed=s) for s in range(NUM_SEEDS)]
        times = [
            seconds(lambda w=width: bare_products(w, num_rows, num_epochs)),
            seconds(lambda m=members: repeat(problem, m)),
        ]
        totals = [total + new for total, new in zip(totals, times, strict=True)]
        rows.append([str(width), *(f"{t:.2f}" for t in times), f"{times[1] / times[0]:.2f}"])
    return [*rows, ["all", *(f"{t:.2f}" for t in totals), f"{totals[1] / totals[0]:.2f}"]]


def write_table(folder: Path) -> None:
    """10,000 rows, of which 5,000 more are the test part, as an MNIST-like folder."""
    source = np.random.default_rng(0)
    direction = source.standard_normal(20)
    for prefix, num_rows in (("train", 10_000), ("t10k", 5_000)):
        values = source.integers(0, 256, (num_rows, 20))
        labels = ((values - 127.5) @ direction > 0).astype(np.uint8)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", values.astype(np.uint8).reshape(-1, 4, 5))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


def time_comparison() -> list[list[str]]:
    """Ten seeds together, one after another, and as commands."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder)
        problem = load_problem(folder)
        members = [replace(TABLE, seed=seed) for seed in range(10)]
        together = seconds(lambda: repeat(problem, members))
        singly = seconds(lambda: [repeat(problem, [member]) for member in members])
        together = (together + seconds(lambda: repeat(problem, members))) / 2
        settings = ",".join(
            f"{flag[2:].replace('-', '_')}={value}"
            for flag, value in zip(TABLE_FLAGS[::2], TABLE_FLAGS[1::2], strict=True)
        )
        comparison = [MULTILAYER, "compare", folder, settings, f"{settings},dropout=0.01",
                      "--max-seeds", "10", "--matters", "1e-9", "--quiet",
                      "--output", folder / "comparison"]  # fmt: skip
        compared = seconds(lambda: subprocess.run(comparison, check=True, capture_output=True))
        trained = sum(
            seconds(
                lambda s=seed: subprocess.run(
                    [
                        MULTILAYER,
                        "train",
                        folder,
                        *TABLE_FLAGS,
                        "--seed",
                        str(s),
                        "--quiet",
                        "--output",
                        folder / f"run-{s}",
                    ],
                    check=True,
                    capture_output=True,
                )
            )
            for seed in range(10)
        )
    return [
        ["ten seeds together, as `compare` trains them", f"{together:.2f}", "1.00"],
        ["ten fits one after another with the same engine", f"{singly:.2f}",
         f"{singly / together:.2f}"],
        ["`multilayer compare` of two settings, ten seeds each, halved", f"{compared / 2:.2f}",
         f"{compared / 2 / together:.2f}"],
        ["ten `multilayer train` commands", f"{trained:.2f}", f"{trained / together:.2f}"],
        ["ten commands against half of `multilayer compare`", "",
         f"{trained / (compared / 2):.2f}"],
    ]  # fmt: skip


def main() -> None:
    """Measure and print; with --write also keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    comparison = markdown_table(["", "seconds", "to ten seeds together"], time_comparison())
    study = markdown_table(
        ["width", "bare products, s", "study, s", "ratio"], time_width_study(options.epochs)
    )
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\n"
        f"Ten seeds of 20-128-128-2 on 10,000 rows, 10 epochs\n\n{comparison}\n"
        f"8 widths × {NUM_SEEDS} seeds on Fashion-MNIST, {options.epochs} epochs of the study's 10"
        f"\n\n{study}"
    )
    print(text)
    if options.write:
        write_result("studies", text)


if __name__ == "__main__":
    main()
