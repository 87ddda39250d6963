"""Times a population that trains at once against as many single fits.

    python benchmarks/populations.py [--cases D,T] [--repeats 7] [--write]

K networks of one shape with seeds 0 to K − 1, by the engine, on the same batches. One after another
they take K times what a single fit takes; in two processes side by side, each held to one thread,
half as many times what a single fit takes there while the other process works too. All of these
take turns, round by round. Setting up is not counted.
"""

import argparse
import statistics
from contextlib import ExitStack

from reporting import machine, markdown_table, write_result
from workers import Worker, note

from multilayer.cli.bench import in_words
from multilayer.errors import SettingsError
from multilayer.proofs.bench_cases import BenchCase, cases_named

SIZES = (1, 4, 16, 64)


def measure(case: BenchCase, num_repeats: int, seconds: float) -> list[list[str]]:
    """A row of the table for each size."""
    with ExitStack() as stack:
        note(f"{case.name}: starts")
        together = {
            size: stack.enter_context(Worker("engine", case, num_members=size)) for size in SIZES
        }
        pair = [stack.enter_context(Worker("engine", case, num_threads=1)) for _ in range(2)]
        for worker in (*together.values(), *pair):
            worker.warm_up(seconds)
        for number in range(num_repeats):
            note(f"{case.name}: round {number + 1} of {num_repeats}")
            for worker in together.values():
                worker.take_turn()
            for worker in pair:
                worker.begin_turn()
            for worker in pair:
                worker.end_turn()
        single = together[1].outcome.median
        side_by_side = statistics.mean(worker.outcome.median for worker in pair)
        return [
            [
                f"{case.name}, K = {size}",
                in_words(worker.outcome.median),
                in_words(worker.outcome.median / size),
                f"{size * single / worker.outcome.median:.2f}",
                "" if size == 1 else f"{size / 2 * side_by_side / worker.outcome.median:.2f}",
            ]
            for size, worker in together.items()
        ]


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="S,T,D")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    try:
        cases = cases_named(options.cases.split(","))
    except SettingsError as error:
        parser.error(str(error))
    rows = [row for case in cases for row in measure(case, options.repeats, options.seconds)]
    headers = [
        "", "a step of all", "a step of one", "times faster than one after another",
        "times faster than two processes side by side",
    ]  # fmt: skip
    names = "\n".join(f"- {case}" for case in cases)
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\n{names}\n\n"
        f"Medians of {options.repeats} rounds.\n\n{markdown_table(headers, rows)}"
    )
    print(text)
    if options.write:
        write_result("populations", text)


if __name__ == "__main__":
    main()
