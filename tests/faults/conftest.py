import pytest

COUNTS: dict[str, int] = {}


@pytest.fixture
def count():
    """Adds to the report that stands at the end of the tests."""

    def add(name: str, number: int) -> None:
        COUNTS[name] = COUNTS.get(name, 0) + number

    return add


def pytest_terminal_summary(terminalreporter) -> None:
    if COUNTS:
        failures = len(terminalreporter.stats.get("failed", []))
        counted = ", ".join(f"{number:,} {name}" for name, number in COUNTS.items())
        terminalreporter.write_line(f"faults: {counted}; tests that failed: {failures}")
