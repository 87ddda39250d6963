"""Times a training step of four networks: the engine beside the ways in which others train them.

    python benchmarks/peers.py [--cases S,D] [--contenders engine,skorch] [--repeats 7] [--write]

S is 784-256-10 with SGD, L 784-1024-1024-10, T 20-128-128-2 and D 64-64-10 with Adam; batches of
256, 512, 200 and 32 rows; float32. Every contender is a process of its own, warmed up first; then
they take turns, round by round. The floor is the matrix products of a step alone, by torch.mm.
"""

import argparse
from pathlib import Path

from environments import REQUIREMENTS
from reporting import machine, markdown_table, write_result
from speed_chart import save_speed_chart
from workers import CONTENDERS, Outcome, measure

from multilayer.cli.bench import in_words
from multilayer.errors import SettingsError
from multilayer.proofs.bench_cases import CASES, BenchCase, cases_named, known_names

CHART = Path(__file__).parent.parent / "docs" / "images" / "speed.svg"

Outcomes = dict[str, Outcome]  # by contender


def case_table(case: BenchCase, outcomes: Outcomes) -> str:
    """Everything that was measured at one case."""
    rows = []
    for name, outcome in outcomes.items():
        least, most = min(outcome.step_seconds), max(outcome.step_seconds)
        accuracy = outcome.accuracy
        rows.append(
            [
                name,
                in_words(outcome.median),
                f"{in_words(least)} to {in_words(most)}",
                *(ratio(outcomes, name, to) for to in ("floor", "engine")),
                f"{outcome.peak_megabytes:.0f}",
                "" if accuracy is None else f"{accuracy:.3f}",
            ]
        )
    headers = [
        str(case), "time a step", "least to most", "to floor", "to engine", "peak resident MB",
        "accuracy at the end, on its rows",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def summary_table(results: dict[str, Outcomes], to: str) -> str:
    """Ratios of all contenders in all cases."""
    names = next(iter(results.values()))
    rows = [[name, *(ratio(outcomes, name, to) for outcomes in results.values())] for name in names]
    return markdown_table([f"time of a step to the {to}'s", *results], rows)


def ratio(outcomes: Outcomes, name: str, to: str) -> str:
    """How many times longer a contender's step takes; empty where the other was left out."""
    return f"{outcomes[name].median / outcomes[to].median:.2f}" if to in outcomes else ""


def report(results: dict[str, Outcomes], num_repeats: int) -> str:
    """The whole result as Markdown."""
    pins = [
        requirement.replace("==", " ")
        for name in ("torch", "jax")
        for requirement in REQUIREMENTS[name]
        if "==" in requirement
    ]
    tables = [summary_table(results, "engine"), summary_table(results, "floor")]
    tables += [case_table(CASES[name], outcomes) for name, outcomes in results.items()]
    return (
        f"{__doc__.splitlines()[0]}\n\n{machine()}{', '.join(pins)}\n\n"
        f"Medians of {num_repeats} rounds.\n\n" + "\n".join(tables)
    )


def main() -> None:
    """Measure and print; with --write also keep the tables and, of everything, draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    try:
        cases = cases_named(options.cases.split(","))
        contenders = known_names("contender", options.contenders.split(","), CONTENDERS)
    except SettingsError as error:
        parser.error(str(error))
    results = {
        case.name: measure(case, contenders, options.repeats, options.seconds) for case in cases
    }
    text = report(results, options.repeats)
    print(text)
    if options.write:
        write_result("peers", text)
    if options.write and len(results) == len(CASES) and len(contenders) == len(CONTENDERS):
        save_speed_chart(
            {
                CASES[name].title: {
                    contender: outcome.median for contender, outcome in outcomes.items()
                }
                for name, outcomes in results.items()
            },
            CHART,
        )


if __name__ == "__main__":
    main()
