"""Where the seconds of a run go."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


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
