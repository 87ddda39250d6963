"""What the benchmarks share: the machine in words, tables, and where results are kept."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from multilayer.lab.bench import this_machine

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor, cores and versions, one line each."""
    return f"{replace(this_machine(), environment={})}\n"


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(headers) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headers, rule, *rows))


def write_result(name: str, text: str) -> None:
    """Keep a result under today's date."""
    today = datetime.date.today().isoformat()
    (RESULTS / f"{today}-{name}.md").write_text(f"# {name}, {today}\n\n{text}")
