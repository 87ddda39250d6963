"""Learning curves drawn as text: one frame.

Lines are drawn with braille characters, which give two by four dots in a cell, and each series
has marks of its own, so that a chart can be read without colour. Where braille cannot be shown,
the marks alone draw the lines, in ASCII.
"""

import string
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import OverflowMethod
from rich.text import Text

from multilayer.drawing.axis import Axis, Limits, can_show, check_axis
from multilayer.drawing.canvas import Canvas, Look
from multilayer.errors import escaped

Curves = Mapping[str, Sequence[tuple[float, float]]]  # label -> (x, y) points, in order

_COLORS = ("cyan", "magenta", "green", "yellow", "red", "blue")
_MARKS = "●▲■◆○△□◇" + string.ascii_letters
_ASCII_MARKS = "*o+x#@%&" + string.ascii_letters
_CELLS_PER_X_TICK = 7
_ROWS_PER_Y_TICK = 3
_MOST_STRETCH = 1.3  # of the y axis, so that its ends fall on round ticks
_WIDE = 100  # columns from which two panels stand side by side
_TALLEST = 20  # rows of a panel


class ChartSettings(NamedTuple):
    """What is fixed about a chart while its curves grow.

    Attributes:
        xlabel: what the x axis counts.
        ylabel: written above the first panel.
        x_limits: ends of the x axis; None fits it to the points.
        y_limits: ends of the y axis; None fits it to the points.
        x_scale: "linear" or "log".
        y_scale: "linear" or "log".
        unicode: draw with braille and box characters; otherwise in ASCII alone.
    """

    xlabel: str = "epoch"
    ylabel: str = ""
    x_limits: Limits | None = None
    y_limits: Limits | None = None
    x_scale: str = "linear"
    y_scale: str = "linear"
    unicode: bool = True

    def check(self) -> None:
        """Raise SettingsError where a scale is unknown or limits do not fit it."""
        check_axis("x", self.x_limits, self.x_scale)
        check_axis("y", self.y_limits, self.y_scale)


def draw_curves(series: Curves, settings: ChartSettings, width: int, height: int) -> list[Text]:
    """The lines of a chart that is at most `width` columns wide and `height` rows high.

    Curves whose label ends in "acc" or "accuracy" get a panel of their own when there are others
    too; `ylabel`, `y_limits` and `y_scale` then hold for the others. Points that are not finite,
    not positive on a log scale, or outside the limits are left out.
    """
    looks = {label: _look(index, settings.unicode) for index, label in enumerate(series)}
    accuracies = {label: points for label, points in series.items() if _is_accuracy(label)}
    others = {label: points for label, points in series.items() if label not in accuracies}
    side_by_side = width >= _WIDE or (width >= 60 and height < 16)
    first = _Panel(others, looks, settings)
    second = _Panel(
        accuracies, looks, settings._replace(ylabel="", y_limits=None, y_scale="linear")
    )
    if not (accuracies and others):
        lines = _Panel(series, looks, settings).lines(width, min(height, _TALLEST))
    elif side_by_side:
        left_width = (width - 2) // 2
        left = first.lines(left_width, min(height, _TALLEST))
        right = second.lines(width - 2 - left_width, min(height, _TALLEST))
        for line in left:
            line.truncate(left_width + 2, pad=True)
        lines = [Text.assemble(*pair) for pair in zip(left, right, strict=True)]
    elif height >= 12:
        each = min(height // 2, _TALLEST)
        lines = first.lines(width, each) + second.lines(width, each)
    else:
        lines = first.lines(width, height)
    for line in lines:
        line.rstrip()
    return lines


def clean_label(label: str, unicode: bool) -> str:
    """Return `label` without characters that would move the cursor or cannot be written."""
    label = escaped(label)
    return label if unicode else label.encode("ascii", "replace").decode()


def _look(index: int, unicode: bool) -> Look:
    marks = _MARKS if unicode else _ASCII_MARKS
    return Look(marks[index % len(marks)], _COLORS[index % len(_COLORS)])


def _is_accuracy(label: str) -> bool:
    return label.lower().endswith(("acc", "accuracy"))


class _Panel:
    """One pair of axes with its curves and, above them, its legend."""

    def __init__(self, series: Curves, looks: Mapping[str, Look], settings: ChartSettings) -> None:
        self._series = series
        self._looks = looks
        self._settings = settings
        self._points = {
            label: [
                (x, y)
                for x, y in ((float(x), float(y)) for x, y in points)
                if can_show(x, settings.x_scale) and can_show(y, settings.y_scale)
            ]
            for label, points in series.items()
        }

    def lines(self, width: int, height: int) -> list[Text]:
        """Return exactly `height` lines of at most `width` columns."""
        legend = self._legend(width, max_lines=max(1, height // 4))
        num_label_lines = 1 if height >= 8 and self._settings.xlabel else 0
        num_rows = height - len(legend) - 2 - num_label_lines
        if num_rows < 1 or width < 16:
            return (legend + [Text()] * height)[:height]
        max_y_ticks = num_rows // _ROWS_PER_Y_TICK + 1
        y_axis = self._y_axis(max_y_ticks)
        y_ticks = y_axis.ticks(max_y_ticks)
        margin = max((len(label) for _, label in y_ticks), default=0)
        plot_width = max(1, width - margin - 1)
        x_axis = Axis.around(
            (x for points in self._points.values() for x, _ in points),
            self._settings.x_scale,
            self._settings.x_limits,
        )
        canvas = Canvas(plot_width, num_rows, self._settings.unicode)
        for label, points in self._points.items():
            canvas.draw([(x_axis.fraction(x), y_axis.fraction(y)) for x, y in points],
                        self._looks[label])  # fmt: skip
        rows = canvas.rows()
        y_labels = {canvas.row_of(y_axis.fraction(value)): label for value, label in y_ticks}
        for index, row in enumerate(rows):
            label = y_labels.get(index, "")
            row_start = label.rjust(margin) + self._glyph("┤" if label else "│")
            rows[index] = Text.assemble((row_start, "dim"), row)
        return legend + rows + self._x_axis_lines(x_axis, canvas, margin, num_label_lines)

    def _y_axis(self, max_ticks: int) -> Axis:
        values = [y for points in self._points.values() for _, y in points]
        limits = self._settings.y_limits
        axis = Axis.around(values, self._settings.y_scale, limits)
        if limits is not None or self._settings.y_scale == "log":
            return axis
        if all(map(_is_accuracy, self._series)) and all(0 <= value <= 1 for value in values):
            axis = Axis(max(0.0, axis.low), min(1.0, axis.high))  # room for one value may leave it
            if axis.high - axis.low > 0.5:
                return Axis(0.0, 1.0)
        rounded = axis.rounded_outward(max_ticks)
        wasteful = rounded.high - rounded.low > _MOST_STRETCH * (axis.high - axis.low)
        return axis if wasteful else rounded

    def _legend(self, width: int, max_lines: int) -> list[Text]:
        """Return each series with its mark and its latest value, in as many lines as allowed."""
        unicode = self._settings.unicode
        ylabel = clean_label(self._settings.ylabel, unicode)
        items = [Text(ylabel, "italic")] if ylabel else []
        for label, points in self._series.items():
            mark, color = self._looks[label]
            value = f"{float(points[-1][1]):#.4g}" if len(points) else "-"
            name = Text(f"{mark} {clean_label(label, unicode)}", color)
            name.truncate(max(1, width - len(value) - 1), overflow=self._overflow)
            items.append(Text.assemble(name, " ", (value, "bold")))
        lines = [Text()]
        for index, item in enumerate(items):
            gap = "   " if lines[-1] else ""
            if lines[-1] and cell_len(lines[-1].plain + gap + item.plain) > width:
                if len(lines) == max_lines:
                    more = f" +{len(items) - index} more"
                    lines[-1].truncate(max(0, width - len(more)))
                    lines[-1].append(more, "dim")
                    break
                lines.append(Text())
                gap = ""
            lines[-1] = Text.assemble(lines[-1], gap, item)
        for line in lines:
            line.truncate(width, overflow=self._overflow)
        return lines

    def _x_axis_lines(
        self, axis: Axis, canvas: Canvas, margin: int, num_label_lines: int
    ) -> list[Text]:
        width = canvas.width
        ruler = [self._glyph("─")] * width
        labels = [" "] * (margin + 1 + width)
        free_from = 0  # so that labels never touch
        for value, label in axis.ticks(max(2, width // _CELLS_PER_X_TICK)):
            column = canvas.column_of(axis.fraction(value))
            start = max(0, min(margin + 1 + column - len(label) // 2, len(labels) - len(label)))
            if start < free_from:
                continue
            ruler[column] = self._glyph("┬")
            labels[start : start + len(label)] = label
            free_from = start + len(label) + 1
        lines = [" " * margin + self._glyph("└") + "".join(ruler), "".join(labels).rstrip()]
        if num_label_lines:
            xlabel = clean_label(self._settings.xlabel, self._settings.unicode)
            lines.append(" " * (margin + 1) + " " * ((width - cell_len(xlabel)) // 2) + xlabel)
        texts = [Text(line, "dim") for line in lines]
        for text in texts:
            text.truncate(margin + 1 + width, overflow=self._overflow)
        return texts

    def _glyph(self, character: str) -> str:
        if self._settings.unicode:
            return character
        return {"│": "|", "─": "-"}.get(character, "+")

    @property
    def _overflow(self) -> OverflowMethod:
        return "ellipsis" if self._settings.unicode else "crop"
