"""Where the seconds of a run go, and how a time is written."""

import math
import re
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


_SECONDS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(h|min|m|s)\s*")


def seconds_in_units(text: str) -> float | None:
    """A time such as 90s, 10m or 1h30m, in seconds; None if it is written in another way."""
    plain = text.strip()
    parts = _PART.findall(plain)
    if not parts or _PART.sub("", plain):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def read_seconds(text: str) -> float:
    """A time such as 90s, 5m, 1h or 1h30m, in seconds; a bare number is seconds.

    Raises:
        ValueError: it is something else, or not above 0.
    """
    plain = text.strip().lower()
    is_bare = re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain)
    seconds = float(plain) if is_bare else seconds_in_units(plain)
    if seconds is None:
        raise ValueError(f"{text!r} must be a time such as 90s, 5m, 1h or 1h30m")
    if not seconds > 0 or not math.isfinite(seconds):
        raise ValueError(f"{text!r} must be a time above 0, such as 90s or 5m")
    return seconds


def in_words(seconds: float) -> str:
    """A time span: 3 s, 2 min 5 s, 1 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def without_times(results: Mapping[str, Any]) -> dict[str, Any]:
    """The content of results.json without seconds: the same training says the same."""
    return {
        name: value
        for name, value in results.items()
        if name not in ("train_seconds", "part_seconds")
    }
