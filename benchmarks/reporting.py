"""What the benchmarks share: the machine in words, tables, and where results are kept."""

import datetime
from dataclasses import replace
from pathlib import Path

from multilayer.drawing.panels import markdown_table as markdown_table
from multilayer.proofs.bench import this_machine

RESULTS = Path(__file__).parent / "results"
RECORDS = RESULTS / "records"  # what is dear to measure, a line of JSON each: kept with the project


def processor() -> str:
    """The processor in words."""
    return this_machine().processor


def machine() -> str:
    """Processor, cores and versions, one line each."""
    return f"{replace(this_machine(), environment={})}\n"


def write_result(name: str, text: str) -> None:
    """Keep a result under today's date."""
    today = datetime.date.today().isoformat()
    (RESULTS / f"{today}-{name}.md").write_text(f"# {name}, {today}\n\n{text}")
