import os
from pathlib import Path

import pytest

COUNTS: dict[str, int] = {}


@pytest.fixture
def count():
    """Adds to the report that stands at the end of the tests."""

    def add(name: str, number: int) -> None:
        COUNTS[name] = COUNTS.get(name, 0) + number

    return add


@pytest.fixture
def memory_folder(tmp_path) -> Path:
    """A folder that costs no disk."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else tmp_path


def pytest_terminal_summary(terminalreporter) -> None:
    if COUNTS:
        reports = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
        failures = sum("faults/" in report.nodeid for report in reports)
        counted = ", ".join(f"{number:,} {name}" for name, number in COUNTS.items())
        mutants = sum(number for name, number in COUNTS.items() if name.endswith("mutants"))
        terminalreporter.write_line(
            f"faults: {counted}; {mutants:,} mutants in all; failures: {failures}"
        )
