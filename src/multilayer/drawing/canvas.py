"""A grid of character cells on which lines and marks are drawn.

In Unicode each cell is a braille character, whose two by four dots are set one by one; in ASCII
each cell that a line passes holds the line's mark.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from rich.text import Text

_BLANK = 0x2800  # braille pattern without dots
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bit of each [row][column]
_CELLS_BETWEEN_MARKS = 8

Point = tuple[float, float]  # (0, 0) is the lower left corner of the canvas, (1, 1) the upper right


class Look(NamedTuple):
    """How one series is told from the others: by its mark, and by its colour where there is one."""

    mark: str
    color: str


class Canvas:
    """`width` by `height` cells, empty at first."""

    def __init__(self, width: int, height: int, unicode: bool) -> None:
        self.width = width
        self.height = height
        self._unicode = unicode
        self._dots_across, self._dots_down = (2, 4) if unicode else (1, 1)
        self._bits = [[0] * width for _ in range(height)]
        self._marks = [[""] * width for _ in range(height)]
        self._colors = [[""] * width for _ in range(height)]

    def column_of(self, across: float) -> int:
        """Return the column of cells at the fraction `across` of the width."""
        return self._dot(across, 0.0)[0] // self._dots_across

    def row_of(self, up: float) -> int:
        """Return the row of cells, from the top, at the fraction `up` of the height."""
        return self._dot(0.0, up)[1] // self._dots_down

    def draw(self, points: Sequence[Point], look: Look) -> None:
        """Draw a line through `points` and marks on some of them, always on the last.

        What lies outside the canvas is cut off.
        """
        for start, end in pairwise(points):
            inside = _clip(start, end)
            if inside:
                self._draw_segment(*inside, look)
        next_mark = self.width
        for across, up in reversed(points):
            if not (0 <= across <= 1 and 0 <= up <= 1):
                continue
            column = self.column_of(across)
            if column <= next_mark or column >= next_mark + 2 * _CELLS_BETWEEN_MARKS:
                self._set(column, self.row_of(up), look, mark=look.mark)
                next_mark = column - _CELLS_BETWEEN_MARKS

    def rows(self) -> list[Text]:
        """Return the drawing from top to bottom."""
        return [
            Text.assemble(*self._runs(*row))
            for row in zip(self._bits, self._marks, self._colors, strict=True)
        ]

    @staticmethod
    def _runs(bits: list[int], marks: list[str], colors: list[str]) -> Iterator[tuple[str, str]]:
        """Yield stretches of one colour, so that a row has few of them."""
        cells = (
            (mark or (chr(_BLANK + bit) if bit else " "), color)
            for bit, mark, color in zip(bits, marks, colors, strict=True)
        )
        for color, stretch in groupby(cells, key=lambda cell: cell[1]):
            yield "".join(character for character, _ in stretch), color

    def _dot(self, across: float, up: float) -> tuple[int, int]:
        across, up = min(1.0, max(0.0, across)), min(1.0, max(0.0, up))
        return (
            round(across * (self.width * self._dots_across - 1)),
            round((1 - up) * (self.height * self._dots_down - 1)),
        )

    def _draw_segment(self, start: Point, end: Point, look: Look) -> None:
        (x0, y0), (x1, y1) = self._dot(*start), self._dot(*end)
        num_steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(num_steps + 1):
            x = x0 + round((x1 - x0) * step / num_steps)
            y = y0 + round((y1 - y0) * step / num_steps)
            column, row = x // self._dots_across, y // self._dots_down
            if self._unicode:
                self._set(column, row, look, bit=_DOTS[y % 4][x % 2])
            else:
                self._set(column, row, look, mark=look.mark)

    def _set(self, column: int, row: int, look: Look, bit: int = 0, mark: str = "") -> None:
        self._bits[row][column] |= bit
        if mark or not self._marks[row][column]:  # a line passes beneath another's mark
            self._marks[row][column] = mark
            self._colors[row][column] = look.color


def _clip(start: Point, end: Point) -> tuple[Point, Point] | None:
    """Return the part of a segment inside the unit square (Liang and Barsky's method)."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = x1 - x0, y1 - y0
    enter, leave = 0.0, 1.0
    for change, room in ((-dx, x0), (dx, 1 - x0), (-dy, y0), (dy, 1 - y0)):
        if change == 0:
            if room < 0:
                return None
        elif change < 0:
            enter = max(enter, room / change)
        else:
            leave = min(leave, room / change)
    if enter > leave:
        return None
    return (x0 + enter * dx, y0 + enter * dy), (x0 + leave * dx, y0 + leave * dy)
