"""Counts of what is served, in Prometheus' text format."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock

_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A number for each set of labels that only grows.

    Args:
        name: of the metric.
        meaning: what is counted.
    """

    kind = "counter"

    def __init__(self, name: str, meaning: str) -> None:
        self.name, self.meaning = name, meaning
        self._lock = Lock()
        self._values: defaultdict[Labels, float] = defaultdict(float)

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count more."""
        with self._lock:
            self._values[tuple(labels.items())] += amount

    def lines(self) -> list[str]:
        """As text."""
        with self._lock:
            values = dict(self._values)
        return [f"{self.name}{_labels(labels)} {value:g}" for labels, value in values.items()]


class Gauge(Counter):
    """A number for each set of labels that may fall."""

    kind = "gauge"

    def set(self, value: float, **labels: str) -> None:
        """Set it."""
        with self._lock:
            self._values[tuple(labels.items())] = value

    def forget(self, **labels: str) -> None:
        """Drop the numbers that have these among their labels."""
        wanted = set(labels.items())
        with self._lock:
            for key in [key for key in self._values if wanted <= set(key)]:
                del self._values[key]

    def lines(self) -> list[str]:
        """As text."""
        with self._lock:
            values = dict(self._values)
        return [f"{self.name}{_labels(labels)} {value:.10g}" for labels, value in values.items()]


class Histogram(Counter):
    """How many of the seconds of each set of labels are up to each bound."""

    kind = "histogram"

    def __init__(self, name: str, meaning: str) -> None:
        super().__init__(name, meaning)
        self._counts: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))

    def observe(self, seconds: float, **labels: str) -> None:
        """Count one."""
        key = tuple(labels.items())
        with self._lock:
            self._values[key] += seconds
            self._counts[key][bisect_left(_BOUNDS, seconds)] += 1

    def lines(self) -> list[str]:
        """As text."""
        with self._lock:
            counts = {key: list(values) for key, values in self._counts.items()}
            sums = dict(self._values)
        lines = []
        for key, values in counts.items():
            num_below = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), values, strict=True):
                num_below += count
                lines.append(f"{self.name}_bucket{_labels((*key, ('le', bound)))} {num_below}")
            lines.append(f"{self.name}_sum{_labels(key)} {sums[key]:.9g}")
            lines.append(f"{self.name}_count{_labels(key)} {num_below}")
        return lines


def as_text(metrics: Iterable[Counter]) -> str:
    """All of them; a metric without a value is left out."""
    lines: list[str] = []
    for metric in metrics:
        values = metric.lines()
        if values:
            lines += [
                f"# HELP {metric.name} {metric.meaning}",
                f"# TYPE {metric.name} {metric.kind}",
                *values,
            ]
    return "\n".join((*lines, ""))


def _labels(labels: Labels | Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
