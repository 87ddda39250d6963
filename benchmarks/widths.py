"""Times a training step of 784-w-10 for widths w about powers of two.

    python benchmarks/widths.py [--repeats 7] [--write]

SGD, batches of 256 rows, float32. A width just above a power of two is the test of a library's
treatment of what does not fill its registers.
"""

import argparse

from reporting import machine, markdown_table, write_result
from workers import measure

from multilayer.cli.bench import in_words
from multilayer.proofs.bench_cases import BenchCase

WIDTHS = [power + change for power in (128, 256, 1024) for change in (-1, 0, 1)]
CONTENDERS = ("floor", "engine", "eager PyTorch")


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    rows = []
    for width in WIDTHS:
        case = BenchCase(f"width {width}", (784, width, 10), "sgd", 0.1, 256, num_steps=20)
        outcomes = measure(case, CONTENDERS, options.repeats, options.seconds)
        medians = [outcomes[name].median for name in CONTENDERS]
        rows.append(
            [
                str(width),
                *map(in_words, medians),
                *(f"{medians[1] / other:.2f}" for other in (medians[0], medians[2])),
            ]
        )
    headers = ["w", *CONTENDERS, "engine to floor", "engine to eager PyTorch"]
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\n"
        f"Medians of {options.repeats} rounds.\n\n{markdown_table(headers, rows)}"
    )
    print(text)
    if options.write:
        write_result("widths", text)


if __name__ == "__main__":
    main()
