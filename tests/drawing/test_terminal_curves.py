import math
import re

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from multilayer.drawing.terminal_curves import ChartSettings, draw_curves
from multilayer.errors import SettingsError

FALLING = [(float(x), 2.0 / (x + 1)) for x in range(11)]
RISING = [(float(x), 0.9 - 0.5 / (x + 1)) for x in range(11)]


def plain(series, width=80, height=20, **options):
    settings = ChartSettings(**options)
    settings.check()
    return "\n".join(line.plain for line in draw_curves(series, settings, width, height))


def dots(text):
    """Return (row, column) of every cell in which a curve is drawn."""
    return [
        (row, column)
        for row, line in enumerate(text.split("\n"))
        if "┤" in line or "│" in line
        for column, character in enumerate(line)
        if "\u2800" < character <= "\u28ff" or character in "●▲"
    ]


def rows_at_both_ends(text):
    cells = sorted(dots(text), key=lambda cell: cell[1])
    return cells[0][0], cells[-1][0]


def test_a_falling_series_begins_above_its_end():
    first, last = rows_at_both_ends(plain({"loss": FALLING}))
    assert first < last - 8


def test_a_rising_series_begins_below_its_end():
    first, last = rows_at_both_ends(plain({"score": RISING}))
    assert first > last + 8


def test_the_curve_passes_where_the_axis_says():
    lines = plain({"line": [(0.0, 0.0), (10.0, 10.0)]}, width=60, height=24).split("\n")
    labels = next(line for line in lines if line.split()[:1] == ["0"] and line.endswith("10"))
    for value in ("2", "4", "6", "8"):
        row = next(line for line in lines if line.split("┤")[0].strip() == value)
        column = next(m.start() for m in re.finditer(r"\S+", labels) if m.group() == value)
        drawn = [
            at for at, character in enumerate(row) if character not in "┤ " and at > row.index("┤")
        ]
        assert min(abs(column - at) for at in drawn) <= 1


def test_the_legend_shows_each_label_with_its_mark_and_its_latest_value():
    legend = plain({"train": [(0, 9.0), (1, 2.5)], "validation": [(0, 1e-9)], "none": []})
    assert legend.split("\n")[0] == "● train 2.500   ▲ validation 1.000e-09   ■ none -"


def test_series_are_told_apart_without_colour():
    text = plain({"a": FALLING, "b": [(x, y + 1) for x, y in FALLING]})
    curves = [line.partition("│")[2] + line.partition("┤")[2] for line in text.split("\n")[1:]]
    assert "●" in "".join(curves)
    assert "▲" in "".join(curves)


def test_series_have_colours_of_their_own():
    legend = draw_curves({"a": FALLING, "b": RISING}, ChartSettings(), 60, 20)[0]
    colors = {legend.plain[span.start : span.end]: span.style for span in legend.spans}
    assert (colors["● a"], colors["▲ b"]) == ("cyan", "magenta")


def test_accuracy_stands_beside_loss_where_there_is_room():
    wide = plain({"loss": FALLING, "val_acc": RISING}, width=120).split("\n")
    assert "loss" in wide[0]
    assert wide[0].index("▲ val_acc") == 61
    assert len(wide) == 20


def test_accuracy_stands_below_loss_in_a_narrow_window():
    narrow = plain({"loss": FALLING, "val_acc": RISING}, width=80).split("\n")
    assert narrow[0].startswith("● loss")
    assert narrow[10].startswith("▲ val_acc")


def test_accuracy_axis_stays_between_zero_and_one():
    text = plain({"accuracy": [(0.0, 0.1), (1.0, 0.99)]})
    y_labels = [line.split("┤")[0].strip() for line in text.split("\n") if "┤" in line]
    assert y_labels[0] == "1.0"
    assert y_labels[-1] == "0.0"
    constant = plain({"accuracy": [(0.0, 1.0), (1.0, 1.0)]})
    assert "1.1" not in constant


def test_limits_and_scale_hold_for_the_loss_alone():
    text = plain({"loss": FALLING, "val_acc": RISING}, width=120, y_limits=(0.0, 4.0))
    left = [line[:60].split("┤")[0].strip() for line in text.split("\n") if "┤" in line[:60]]
    right = [line[61:].split("┤")[0].strip() for line in text.split("\n") if "┤" in line[61:]]
    assert left[0] == "4"
    assert float(right[0]) <= 1


def test_the_x_axis_spans_the_given_limits():
    text = plain({"loss": [(1.0, 1.0), (2.0, 0.5)]}, x_limits=(0, 10))
    labels = text.split("\n")[-2].split()
    assert (labels[0], labels[-1]) == ("0", "10")
    assert max(column for _, column in dots(text)) < 25


def test_what_lies_outside_the_limits_is_cut_off():
    text = plain(
        {"loss": [(0.0, 1e140), (5.0, 1.0), (20.0, 1.0)]}, x_limits=(0, 10), y_limits=(0, 2)
    )
    columns = [column for _, column in dots(text)]
    assert min(columns) > 30
    assert max(columns) == 79


def test_a_log_scale_makes_an_exponential_a_straight_line():
    text = plain({"loss": [(float(x), 10.0**-x) for x in range(11)]}, y_scale="log")
    cells = sorted(dots(text), key=lambda cell: cell[1])
    (row0, column0), (row1, column1) = cells[0], cells[-1]
    for row, column in cells:
        expected = row0 + (row1 - row0) * (column - column0) / (column1 - column0)
        assert abs(row - expected) <= 1


def test_numbers_that_are_not_finite_are_left_out():
    nan, inf = math.nan, math.inf
    text = plain({"loss": [(0, 2.0), (1, nan), (2, 1.0), (3, inf), (nan, 3.0)]}, height=12)
    assert "● loss 3.000" in text
    assert dots(text) == dots(plain({"loss": [(0, 2.0), (2, 1.0)]}, height=12))


def test_a_diverged_run_says_so_in_the_legend():
    assert "● loss nan" in plain({"loss": [(0, 2.0), (1, 1e30), (2, math.nan)]})


@pytest.mark.parametrize(
    "points",
    [
        [(1.0, 2.0)],
        [(0.1, 0.6), (0.3, 0.6)],
        [(1.0, 0.0)],
        [(1.0, 2.0), (2.0, 2.0)],
        [(0.0, -1e-300)],
    ],
)
def test_a_single_point_and_a_constant_series_are_drawn(points):
    assert dots(plain({"loss": points}))


@pytest.mark.parametrize("series", [{}, {"loss": []}, {"loss": [], "acc": []}])
def test_a_chart_without_points_is_fine(series):
    assert "┤" in plain(series)


def test_the_chart_is_ascii_where_nothing_else_can_be_written():
    text = plain({"größe": FALLING, "val_acc": RISING}, unicode=False, xlabel="Época")
    assert text.isascii()
    assert "* gr??e" in text
    assert text.count("*") > 10


def test_labels_cannot_move_the_cursor():
    text = plain({"a\x1b[2Jb\nc": FALLING}, ylabel="\r", xlabel="\a")
    assert r"● a\x1b[2Jb\nc" in text
    assert len(text.split("\n")) == 20
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)


def test_many_series_share_the_space():
    text = plain({f"run number {i}": [(x, y * i) for x, y in FALLING] for i in range(70)})
    assert "more" in text.split("\n")[4]
    assert "┤" in text


def test_numpy_numbers_are_numbers():
    points = [(numpy.int64(1), numpy.float32(2)), (numpy.int64(2), numpy.float32(1))]
    assert plain({"loss": points}) == plain({"loss": [(1, 2.0), (2, 1.0)]})


def test_unusable_limits_are_refused():
    with pytest.raises(SettingsError, match="y_limits"):
        plain({"loss": FALLING}, y_limits=(1, 0))


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-10, 10)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.text(max_size=30).map(lambda label: label + "acc")
        | st.text(max_size=30)
        | st.sampled_from(["train_loss", "val_loss", "val_acc", "精度精度精度"]),
        st.lists(st.tuples(numbers, numbers), max_size=8),
        max_size=6,
    ),
    st.integers(1, 210),
    st.integers(1, 60),
    st.booleans(),
    st.sampled_from(["linear", "log"]),
    st.sampled_from(["linear", "log"]),
)
def test_no_chart_is_larger_than_its_place(series, width, height, unicode, x_scale, y_scale):
    text = plain(
        series,
        width=width,
        height=height,
        unicode=unicode,
        ylabel="loss",
        x_scale=x_scale,
        y_scale=y_scale,
    )
    lines = text.split("\n")
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width
    assert unicode or text.isascii()
