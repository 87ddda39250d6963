"""Where everything in a chart lies, in the units of its SVG; templates/chart.html draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from multilayer.drawing.axis import Axis, Limits, can_show

WIDTH, HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 14, 14, 52
_MOST_TICKS = 6
_MOST_MARKS = 60  # of one series; more of them are a smear
_MOST_POINTS = 1000  # of one series; as many as a wide screen has columns
_MARKS = (  # outlines about (0, 0), for one series after the other
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-4.8 4.6 3.4h-9.2z",
    "M0-5 5 0 0 5-5 0z",
    "M0 4.8 4.6-3.4h-9.2z",
)
NUM_LOOKS = 7  # colours in style.css

Point = tuple[float, float]


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        caption: what it holds.
        headers: one for each column.
        rows: cells as they are shown; the first of each row is its header.
    """

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bar:
    """A row of a table with bars.

    Args:
        name: what is measured.
        label: its value as it is shown.
        share: length of the bar, from 0 to 1.
    """

    name: str
    label: str
    share: float


@dataclass(frozen=True)
class BarTable:
    """A table of names and values, each value with a bar as long as it is large.

    Args:
        caption: what it holds.
        headers: of the names and of the values.
        bars: the rows.
    """

    caption: str
    headers: tuple[str, str]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    Args:
        name: as the legend has it.
        points: (x, y) in order. Those that cannot be drawn are left out.
        keys: for each point what it is called, such as its epoch; pointing at the chart shows the
            points of all series with the same key. Left out: there is nothing to point at.
        look: which colour and mark.
        is_dashed: for a second series of the same look.
        is_line: whether the points are joined.
        intervals: of each point's y.
    """

    name: str
    points: Sequence[Point]
    keys: Sequence[str] = ()
    look: int = 0
    is_dashed: bool = False
    is_line: bool = True
    intervals: Sequence[Limits] = ()


@dataclass(frozen=True)
class Mark:
    """One point as it is drawn."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Trace:
    """A series as it is drawn.

    Attributes:
        series: what it was made of.
        look: number of its colour, from 0.
        outline: of its marks.
        path: its line, for the attribute d; empty where there is none.
        marks: its marks, few enough to be told apart.
        whiskers: x, lower and upper end of the intervals.
        x: where each point with a key lies; all traces have them in `keys`' order.
        keys: the keys of these points.
        labels: their values.
    """

    series: Series
    look: int
    outline: str
    path: str
    marks: tuple[Mark, ...]
    whiskers: tuple[tuple[float, float, float], ...]
    x: tuple[float, ...]
    keys: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """Series over two axes.

    Args:
        title: what is shown; no other chart of the page has the same.
        x_label: of the x axis.
        y_label: of the y axis.
        series: what is drawn.
        summary: what it shows, in a sentence, for those who do not see it.
        key_name: what the keys of the points are, such as "epoch".
        x_limits: ends of the x axis; None fits it to the points.
        y_limits: ends of the y axis; None fits it to the points.
        y_scale: "linear" or "log".
        has_diagonal: whether y = x is drawn.
        table: the same figures to read.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    summary: str
    key_name: str = ""
    x_limits: Limits | None = None
    y_limits: Limits | None = None
    y_scale: str = "linear"
    has_diagonal: bool = False
    table: Table | None = None
    width: int = field(default=WIDTH, init=False)
    height: int = field(default=HEIGHT, init=False)
    left: int = field(default=_LEFT, init=False)
    right: int = field(default=WIDTH - _RIGHT, init=False)
    top: int = field(default=_TOP, init=False)
    bottom: int = field(default=HEIGHT - _BOTTOM, init=False)

    @cached_property
    def x_ticks(self) -> list[tuple[float, str]]:
        """Place and label of the ticks below the chart."""
        most = _MOST_TICKS
        if self.key_name and self._x_axis.high - self._x_axis.low < most:
            most = max(2, round(self._x_axis.high - self._x_axis.low) + 1)  # whole epochs only
        return [(self._x(value), label) for value, label in self._x_axis.ticks(most)]

    @cached_property
    def y_ticks(self) -> list[tuple[float, str]]:
        """Place and label of the ticks beside the chart."""
        return [(self._y(value), label) for value, label in self._y_axis.ticks(_MOST_TICKS)]

    @cached_property
    def traces(self) -> list[Trace]:
        """The series as they are drawn."""
        return [self._trace(series) for series in self.series]

    @cached_property
    def diagonal(self) -> tuple[float, float, float, float]:
        """Ends of y = x: x1, y1, x2, y2."""
        low = max(self._x_axis.low, self._y_axis.low)
        high = min(self._x_axis.high, self._y_axis.high)
        return self._x(low), self._y(low), self._x(high), self._y(high)

    def _trace(self, series: Series) -> Trace:
        numbers = [n for n, point in enumerate(series.points) if self._is_drawn(point)]
        every = math.ceil(len(numbers) / _MOST_POINTS) or 1
        numbers = numbers[::-every][::-1]  # the last point is always among them
        places = [(self._x(series.points[n][0]), self._y(series.points[n][1])) for n in numbers]
        step = math.ceil(len(places) / _MOST_MARKS) if series.is_line else 1
        marks = [
            Mark(x, y, self._title(series, n))
            for n, (x, y) in list(zip(numbers, places, strict=True))[:: -(step or 1)]
        ]
        joined = "L".join(f"{x} {y}" for x, y in places)
        return Trace(
            series,
            series.look % NUM_LOOKS,
            _MARKS[series.look % len(_MARKS)],
            f"M{joined}" if series.is_line and len(places) > 1 else "",
            tuple(marks),
            tuple(
                (x, self._y(series.intervals[n][0]), self._y(series.intervals[n][1]))
                for n, (x, _) in zip(numbers, places, strict=True)
                if series.intervals
            ),
            tuple(x for x, _ in places) if series.keys else (),
            tuple(series.keys[n] for n in numbers) if series.keys else (),
            tuple(f"{series.points[n][1]:.4g}" for n in numbers) if series.keys else (),
        )

    def _title(self, series: Series, number: int) -> str:
        x, y = series.points[number]
        where = (
            f"{self.key_name} {series.keys[number]}" if series.keys else f"{self.x_label} {x:.4g}"
        )
        text = f"{series.name}, {where}: {y:.4g}"
        if series.intervals:
            low, high = series.intervals[number]
            text += f" ({low:.4g} to {high:.4g})"
        return text

    def _is_drawn(self, point: Point) -> bool:
        return can_show(point[0], "linear") and can_show(point[1], self.y_scale)

    @cached_property
    def _x_axis(self) -> Axis:
        values = (x for one in self.series for x, _ in filter(self._is_drawn, one.points))
        return Axis.around(values, "linear", self.x_limits)

    @cached_property
    def _y_axis(self) -> Axis:
        values = [y for one in self.series for _, y in filter(self._is_drawn, one.points)]
        axis = Axis.around(values, self.y_scale, self.y_limits)
        return axis if self.y_limits else axis.rounded_outward(_MOST_TICKS)

    def _x(self, value: float) -> float:
        return round(self.left + self._x_axis.fraction(value) * (self.right - self.left), 1)

    def _y(self, value: float) -> float:
        fraction = min(1.0, max(0.0, self._y_axis.fraction(value)))
        return round(self.bottom - fraction * (self.bottom - self.top), 1)
