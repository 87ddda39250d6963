"""A numeric axis with round ticks, for curves drawn in a terminal."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from multilayer.errors import SettingsError

SCALES = ("linear", "log")
_LARGEST = 1e150  # quotients of drawable numbers, and their differences, cannot overflow
_SLACK = 1e-4  # of a step: rounding must not cost the tick at the end of an axis
_ROUND = (1.0, 2.0, 5.0)

Limits = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """The part of the number line from `low` to `high`, linear or logarithmic.

    `tick_step` is the distance of its ticks; None leaves it to `ticks`.
    """

    low: float
    high: float
    scale: str = "linear"
    tick_step: float | None = None

    @classmethod
    def around(cls, values: Iterable[float], scale: str, limits: Limits | None = None) -> "Axis":
        """Return the axis that spans `limits`, or else just holds `values`.

        Values that cannot be drawn (see `can_show`) are left out; without any, the axis is a
        default one. A single value gets room on both sides.
        """
        if limits is not None:
            return cls(*limits, scale)
        drawable = [value for value in values if can_show(value, scale)]
        if not drawable:
            return cls(1.0, 10.0, scale) if scale == "log" else cls(0.0, 1.0, scale)
        low, high = min(drawable), max(drawable)
        if scale == "log":
            if high / low > 1 + 1e-9:
                return cls(low, high, scale)
            return cls(low / 2, high * 2, scale)
        if _tells_apart(low, high):
            return cls(low, high, scale)
        room = 0.1 * abs(low) if abs(low) > 10 / _LARGEST else 1.0
        return cls(low - room, high + room, scale)

    def fraction(self, value: float) -> float:
        """Return where `value` lies: 0 at `low`, 1 at `high`."""
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def rounded_outward(self, max_ticks: int) -> "Axis":
        """Return the axis stretched so that it begins and ends with a tick.

        It has at most `max_ticks` ticks, or three where a range around zero needs as many.
        """
        if self.scale == "log":
            return self
        for step in _round_steps((self.high - self.low) / max_ticks):
            first = math.floor(self.low / step + _SLACK)
            last = math.ceil(self.high / step - _SLACK)
            if last - first < max(3, max_ticks):
                break
        low, high = min(first * step, self.low), max(last * step, self.high)
        return Axis(low, high, self.scale, tick_step=step)

    def ticks(self, max_ticks: int) -> list[tuple[float, str]]:
        """Return round values on the axis with their labels.

        There are at most `max_ticks` (at least one), unless the axis has a `tick_step`.
        """
        if self.scale == "log":
            values = self._log_ticks(max_ticks)
            if len(values) >= min(2, max_ticks):
                return [(value, _short(f"{value:g}")) for value in values]
        fitting = _round_steps((self.high - self.low) / max_ticks)
        for step in fitting if self.tick_step is None else [self.tick_step]:
            first = math.ceil(self.low / step - _SLACK)
            last = math.floor(self.high / step + _SLACK)
            if last - first < max_ticks:
                break
        values = [index * step for index in range(first, last + 1)]
        return list(zip(values, _labels(values, step), strict=True))

    def _log_ticks(self, max_ticks: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        decades = range(first, last + 1)
        candidates = [[m * 10.0**d for d in decades for m in _ROUND]]
        candidates += [[10.0**d for d in decades if d % every == 0] for every in range(1, 700)]
        for candidate in candidates:
            inside = [v for v in candidate if -_SLACK <= self.fraction(v) <= 1 + _SLACK]
            if len(inside) <= max_ticks:
                return inside
        return []


def can_show(value: float, scale: str) -> bool:
    """Whether `value` has a place on an axis of this scale."""
    return abs(value) <= _LARGEST and (scale == "linear" or value >= 1 / _LARGEST)


def check_axis(name: str, limits: Limits | None, scale: str) -> None:
    """Check the settings of the axis called `name`.

    Raises:
        SettingsError: the scale is unknown, or the limits are not two increasing numbers that
            the scale can show.
    """
    if scale not in SCALES:
        raise SettingsError(f"{name}_scale is {scale!r}; it must be one of {', '.join(SCALES)}")
    if limits is None:
        return
    low, high = limits
    if not (can_show(low, scale) and can_show(high, scale) and _tells_apart(low, high)):
        positive = "positive " if scale == "log" else ""
        raise SettingsError(
            f"{name}_limits is ({low}, {high}); it must be two {positive}numbers, the smaller first"
        )


def _tells_apart(low: float, high: float) -> bool:
    """Whether the numbers differ by more than rounding, so that ticks fit between them."""
    return high - low > max(1e-12 * max(abs(low), abs(high)), 1 / _LARGEST)


def _round_steps(least: float) -> Iterator[float]:
    """Yield 1, 2 and 5 times the powers of ten that are not below `least`, in order."""
    for exponent in count(math.floor(math.log10(least))):
        yield from (m * 10.0**exponent for m in _ROUND if m * 10.0**exponent >= least)


def _labels(values: list[float], step: float) -> list[str]:
    """Write all values with the same digits, just enough to tell one from the next."""
    largest = max((abs(value) for value in values), default=0.0)
    kind = "f" if largest == 0 or 1e-4 <= largest < 1e5 else "e"
    for digits in range(17):
        labels = [f"{value:.{digits}{kind}}" for value in values]
        off = (abs(float(label) - value) for label, value in zip(labels, values, strict=True))
        if all(distance < 1e-3 * step for distance in off):
            break
    return [_short(label) for label in labels]


def _short(label: str) -> str:
    """Write 1e+06 as 1e6, 0e+00 as 0 and -0.0 as 0.0."""
    if float(label) == 0:
        return label.removeprefix("-").partition("e")[0]
    return label.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
