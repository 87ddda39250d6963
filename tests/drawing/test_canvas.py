import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.drawing.canvas import Canvas, Look

DOT = Look("●", "cyan")
near_numbers = st.floats(-3, 4)


def drawn(width, height, points, unicode=True):
    canvas = Canvas(width, height, unicode)
    canvas.draw(points, DOT)
    return [row.plain for row in canvas.rows()]


@pytest.mark.parametrize(
    ("points", "rows"),
    [
        ([(0, 1), (1, 1)], ["⠉⠉⠉●", "    "]),
        ([(0, 0), (1, 0)], ["    ", "⣀⣀⣀●"]),
        ([(1, 1), (0, 1), (0, 0)], ["⡏⠉⠉⠉", "●   "]),
        ([(0, 0), (1, 1)], ["  ⡠●", "⡠⠊  "]),
        ([(1, 1)], ["   ●", "    "]),
        ([], ["    ", "    "]),
    ],
)
def test_lines_set_the_dots_they_pass(points, rows):
    assert drawn(4, 2, points) == rows


def test_lines_are_marks_in_ascii():
    assert drawn(4, 2, [(0, 0), (1, 1)], unicode=False) == ["  ●●", "●●  "]


def test_a_mark_is_not_covered_by_a_later_line():
    canvas = Canvas(9, 1, unicode=True)
    canvas.draw([(0, 0), (0.5, 0)], Look("●", "cyan"))
    canvas.draw([(0, 0), (1, 0)], Look("▲", "red"))
    row = canvas.rows()[0]
    assert row.plain == "▲⣀⣀⣀●⣀⣀⣀▲"
    assert [(span.start, span.end, span.style) for span in row.spans] == [
        (0, 4, "red"),
        (4, 5, "cyan"),
        (5, 9, "red"),
    ]


def test_a_line_is_cut_off_at_the_edge_where_it_leaves():
    assert drawn(4, 2, [(-1, -1), (2, 2)]) == ["  ⡠⠊", "⡠⠊  "]
    assert drawn(4, 2, [(0, 1.1), (1, 1.1)]) == ["    ", "    "]


@given(st.lists(st.tuples(near_numbers, near_numbers), max_size=10), st.integers(1, 20))
def test_every_line_stays_on_the_canvas(points, size):
    rows = drawn(size, size, points)
    assert [len(row) for row in rows] == [size] * size
