"""What the benchmarks share: the machine in words, tables, and where results are kept."""

import datetime
import platform
from collections.abc import Sequence
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor, cores and versions, one line each."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return (
        f"Processor: {names[0] if names else platform.processor()}, {len(names)} cores, "
        f"{torch.backends.cpu.get_cpu_capability()}; {torch.get_num_threads()} threads.\n"
        f"Python {platform.python_version()}, PyTorch {torch.__version__}.\n"
    )


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(headers) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headers, rule, *rows))


def write_result(name: str, text: str) -> None:
    """Keep a result under today's date."""
    today = datetime.date.today().isoformat()
    (RESULTS / f"{today}-{name}.md").write_text(f"# {name}, {today}\n\n{text}")
