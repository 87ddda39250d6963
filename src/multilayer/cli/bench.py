"""`multilayer bench`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.cli.argument_types import OptionalOutput, WholeNumber
from multilayer.cli.terminal import print_table, say
from multilayer.errors import OutputError

if TYPE_CHECKING:
    from multilayer.proofs.bench import CaseResult


def bench(
    *,
    cases: str = "S,L,T,D",
    repeats: WholeNumber = 5,
    threads: WholeNumber | None = None,
    output: OptionalOutput = None,
) -> int:
    """Time a training step on this machine, here and as others do it, in about a minute.

    Four networks, each trained by the bare matrix products of a step (the floor), by this
    package's engine, by the book's Trainer, in two ways with plain PyTorch, and by scikit-learn
    if it is installed. The contenders take turns; what counts is the median. Leave the machine
    alone meanwhile.

    Args:
        cases: which networks, with commas between: S (784-256-10), L (784-1024-1024-10),
            T (20-128-128-2), D (64-64-10).
        repeats: measurements of each contender at each case.
        threads: processor threads for all; left out: what each library chooses.
        output: save all measurements to this file as JSON.
    """
    from multilayer.proofs.bench import bench as results_of
    from multilayer.proofs.bench import report_of, this_machine
    from multilayer.proofs.bench_cases import cases_named

    if output is not None:
        _check_writable(Path(output))  # now, not after a minute
    names = [name for name in cases.split(",") if name]
    measured = results_of(names, num_repeats=repeats, num_threads=threads)
    say(this_machine(threads), *cases_named(names), sep="\n", flush=True)
    results = []
    for result in measured:
        _print(result)
        sys.stdout.flush()
        results.append(result)
    for name, reason in results[0].left_out.items():
        say(f"\n{name} did not take part: {reason}")
    if output is not None:
        report_of(results, threads).save(output)
        say(f"\n{output}")
    return 0


def _print(result: "CaseResult") -> None:
    print_table(
        [result.case.title, "time a step", "least to most", "to floor", "to engine"],
        [
            [
                times.contender,
                in_words(times.median),
                f"{in_words(min(times.step_seconds))} to {in_words(max(times.step_seconds))}",
                f"{result.ratio(times.contender, 'floor'):.2f}",
                f"{result.ratio(times.contender, 'engine'):.2f}",
            ]
            for times in result.times
        ],
    )


def in_words(seconds: float) -> str:
    """Three digits or so: 8.91 µs, 215 µs, 1.07 ms, 62.6 s."""
    number, unit = seconds, "s"
    if seconds < 1e-3:
        number, unit = seconds * 1e6, "µs"
    elif seconds < 1:
        number, unit = seconds * 1e3, "ms"
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f} {unit}"


def _check_writable(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {path}: the folder {path.parent} must not be written to")
