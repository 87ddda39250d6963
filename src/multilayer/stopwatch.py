"""Where the seconds of a run go."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Counts the seconds of the parts of a run.

    Attributes:
        seconds: by the name of the part, in the order in which they were first begun.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what the block takes to a part."""
        began = time.perf_counter()
        self.seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began


def without_times(results: Mapping[str, Any]) -> dict[str, Any]:
    """The content of results.json without seconds: the same training says the same."""
    return {
        name: value
        for name, value in results.items()
        if name not in ("train_seconds", "part_seconds")
    }
