"""Times trainings that share the machine: several at once, and beside processes that are busy.

    python benchmarks/company.py [--cases default,S] [--at-once 1,2,4,8] [--busy 1,2]
                                 [--repeats 3] [--write]

default is the recipe of that name on a table of 3,000 rows and 10 columns, 40 epochs; default-2 is
the same on two threads instead of the one that it chooses (GOMP_SPINCOUNT in the environment says
how long PyTorch's wait for each other before they sleep); S is 300 steps of the network 784-256-10,
batches of 256, and T 2,000 of 20-128-128-2 with Adam, batches of 200; scikit-learn is
cross_val_score with n_jobs=2 on 1,000 rows of that table, against two folds one after the other.
Every training is a process of its own, which is warmed up once and then waits for the others before
each round; its time is that of the training alone. Each line is printed when it is known, with the
seconds since the start, and --write keeps what there is by then: all of it is meant to take less
than ten minutes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from reporting import machine, markdown_table, write_result

BUSY = "while True: pass"
CASES = ("default", "default-2", "S", "T", "scikit-learn")
BEGAN = time.perf_counter()


def default_table(**settings: object) -> Callable[[], object]:
    """A fit of the `default` recipe."""
    from multilayer import MLPClassifier

    rows, labels = table(3000)
    return lambda: MLPClassifier(max_iter=40, random_state=0, settings=settings).fit(rows, labels)


def steps(
    widths: tuple[int, ...], num_rows: int, **settings: object
) -> Callable[[], Callable[[], object]]:
    """Steps on a network of inputs, hidden layers and classes, as `train` takes them."""

    def make() -> Callable[[], object]:
        import torch

        from multilayer import Examples, Network, NetworkSpec, TrainingSettings, train

        num_inputs, *hidden, num_classes = widths
        source = torch.Generator().manual_seed(0)
        examples = Examples(
            torch.rand(num_rows, num_inputs, generator=source),
            torch.randint(num_classes, (num_rows,), generator=source),
        )
        spec = NetworkSpec(num_inputs, num_classes, tuple(hidden))
        plan = TrainingSettings(hidden_widths=tuple(hidden), **settings)
        return lambda: list(train(Network.initialized(spec), examples, plan))

    return make


def folds(num_jobs: int) -> Callable[[], object]:
    """A cross-validation by scikit-learn, whose workers are started beforehand."""
    from sklearn.model_selection import cross_val_score

    from multilayer import MLPClassifier

    rows, labels = table(1000)
    estimator = MLPClassifier(max_iter=40, random_state=0)
    return lambda: cross_val_score(estimator, rows, labels, cv=2, n_jobs=num_jobs)


def table(num_rows: int) -> tuple[object, object]:
    """Numbers, and a class that depends on some of them."""
    import numpy as np

    source = np.random.default_rng(0)
    rows = source.normal(size=(num_rows, 10))
    noise = source.normal(size=num_rows)
    return rows, (rows[:, 0] * rows[:, 1] + rows[:, 2] + noise > 0).astype(int)


WORK = {
    "default": default_table,
    "default-2": lambda: default_table(num_threads=2),
    "S": steps((784, 256, 10), 25_600, batch_size=256, max_epochs=3),
    "T": steps(
        (20, 128, 128, 2),
        40_000,
        batch_size=200,
        max_epochs=10,
        optimizer="adam",
        learning_rate=1e-3,
    ),
    "folds one after the other": lambda: folds(1),
    "folds with n_jobs=2": lambda: folds(2),
}


def serve(name: str) -> None:
    """In a process of its own: warm up; for each line that comes, train and tell the seconds."""
    work = WORK[name]()
    work()
    print("ready", flush=True)
    while sys.stdin.readline():
        began = time.perf_counter()
        work()
        print(time.perf_counter() - began, flush=True)


def seconds_of_slowest(name: str, num_trainings: int, num_busy: int, repeats: int) -> list[float]:
    """How long the slowest of several trainings takes that are begun together, in each round."""
    trainings = [
        subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(num_trainings)
    ]  # fmt: skip
    busy: list[subprocess.Popen] = []
    try:
        for training in trainings:
            assert training.stdout.readline() == "ready\n"
        busy += [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(num_busy)]
        slowest = []
        for _ in range(repeats):
            for training in trainings:
                training.stdin.write("go\n")
                training.stdin.flush()
            slowest.append(max(float(training.stdout.readline()) for training in trainings))
        return slowest
    finally:
        for process in (*busy, *trainings):
            process.kill()
            process.wait()


def line_of(
    name: str, num_trainings: int, num_busy: int, repeats: int, alone: float | None
) -> tuple[list[str], float]:
    """A line of the table, and the median of the slowest training of each round."""
    slowest = seconds_of_slowest(name, num_trainings, num_busy, repeats)
    median = statistics.median(slowest)
    company = f"{num_trainings} at once" if num_trainings > 1 else "alone"
    if num_busy:
        company = f"beside {num_busy} busy " + ("process" if num_busy == 1 else "processes")
    line = [
        name, company, f"{median:.2f} s", f"{min(slowest):.2f} to {max(slowest):.2f}",
        f"{median / (alone or median):.2f}",
    ]  # fmt: skip
    print(f"{time.perf_counter() - BEGAN:5.0f} s", *line, sep=" | ", file=sys.stderr, flush=True)
    return line, median


def lines_of_case(
    case: str, at_once: Sequence[int], busy: Sequence[int], repeats: int
) -> Iterator[list[str]]:
    """All that is measured of a case; the first line is what the others are held against."""
    if case == "scikit-learn":
        first, alone = line_of("folds one after the other", 1, 0, repeats, None)
        yield first
        yield line_of("folds with n_jobs=2", 1, 0, repeats, alone)[0]
        return
    first, alone = line_of(case, 1, 0, repeats, None)
    yield first
    for number in at_once:
        if number > 1:
            yield line_of(case, number, 0, repeats, alone)[0]
    for number in busy:
        yield line_of(case, 1, number, repeats, alone)[0]


def numbers(text: str) -> list[int]:
    """Whole numbers, separated by commas."""
    return [int(number) for number in text.split(",") if number]


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--at-once", type=numbers, default=[1, 2, 4, 8])
    parser.add_argument("--busy", type=numbers, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    cases = options.cases.split(",")
    if not set(cases) <= set(CASES):
        parser.error(f"cases are {', '.join(CASES)}")
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    told = ", ".join(f"{name} {os.environ[name]}" for name in names if name in os.environ)
    head = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\n"
        f"Medians of {options.repeats} rounds{'; ' + told if told else ''}.\n\n"
    )
    headers = ["training", "company", "slowest of a round", "least to most", "times alone"]
    lines: list[list[str]] = []
    for case in cases:
        for line in lines_of_case(case, options.at_once, options.busy, options.repeats):
            lines.append(line)
            if options.write:
                write_result("company", head + markdown_table(headers, lines))
    print(head + markdown_table(headers, lines))


if __name__ == "__main__":
    main()
