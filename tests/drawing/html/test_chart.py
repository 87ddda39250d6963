import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.drawing.html.chart import Chart, Series


def chart_of(*series: Series, **options) -> Chart:
    return Chart("Loss", "epoch", "loss", series, "It falls.", **options)


def test_points_lie_where_their_ticks_are():
    chart = chart_of(Series("a", [(0, 0.0), (5, 1.0), (10, 2.0)]), x_limits=(0, 10))
    [trace] = chart.traces
    x, y = {b: a for a, b in chart.x_ticks}, {b: a for a, b in chart.y_ticks}
    assert [mark.x for mark in trace.marks] == [x["10"], (x["4"] + x["6"]) / 2, x["0"]]
    assert [mark.y for mark in trace.marks] == [y["2.0"], y["1.0"], y["0.0"]]
    assert (
        trace.path
        == f"M{x['0']} {y['0.0']}L{(x['4'] + x['6']) / 2} {y['1.0']}L{x['10']} {y['2.0']}"
    )


def test_epochs_have_ticks_at_whole_numbers_only():
    for last in range(1, 30):
        keys = [str(n) for n in range(1, last + 1)]
        points = [(n, 1.0 / n) for n in range(1, last + 1)]
        chart = chart_of(Series("a", points, keys), key_name="epoch", x_limits=(0, last))
        assert all(float(label) == int(float(label)) for _, label in chart.x_ticks), last


def test_figures_that_cannot_be_drawn_are_left_out():
    points = [(1, math.nan), (2, 1.0), (3, math.inf), (4, 2.0), (5, -1.0)]
    chart = chart_of(
        Series("a", points, ["1", "2", "3", "4", "5"]), y_scale="log", key_name="epoch"
    )
    [trace] = chart.traces
    assert trace.keys == ("2", "4")
    assert trace.labels == ("1", "2")


def test_of_very_many_points_the_last_is_drawn():
    points = [(n, float(n)) for n in range(12_345)]
    [trace] = chart_of(Series("a", points, [str(n) for n in range(12_345)])).traces
    assert len(trace.keys) <= 1000
    assert len(trace.marks) <= 60
    assert trace.keys[-1] == "12344"
    assert trace.marks[0].title.startswith("a,  12344: ")


def test_intervals_are_drawn_and_said():
    chart = chart_of(
        Series("a", [(0.5, 0.5)], intervals=[(0.4, 0.7)], is_line=False), y_limits=(0, 1)
    )
    [trace] = chart.traces
    [(_, low, high)] = trace.whiskers
    assert low > trace.marks[0].y > high  # y grows downwards
    assert trace.marks[0].title.endswith("0.5 (0.4 to 0.7)")


@given(
    st.lists(
        st.lists(st.tuples(st.floats(allow_nan=True), st.floats(allow_nan=True)), max_size=20),
        max_size=4,
    ),
    st.sampled_from(["linear", "log"]),
)
def test_any_figures_stay_inside_the_chart(all_points, scale):
    chart = chart_of(*(Series("a", points) for points in all_points), y_scale=scale)
    for trace in chart.traces:
        for mark in trace.marks:
            assert chart.left <= mark.x <= chart.right
            assert chart.top <= mark.y <= chart.bottom
        assert re.fullmatch(r"(M[\d.]+ [\d.]+(L[\d.]+ [\d.]+)+)?", trace.path)
    for ticks, low, high in (
        (chart.x_ticks, chart.left, chart.right),
        (chart.y_ticks, chart.top, chart.bottom),
    ):
        assert all(low - 0.5 <= place <= high + 0.5 for place, _ in ticks)
        places = [place for place, _ in ticks]
        assert all(a != b for a, b in pairwise(places))


@pytest.mark.parametrize("look", [0, 6, 7, 20])
def test_there_is_a_colour_for_any_number_of_series(look):
    [trace] = chart_of(Series("a", [(0, 0)], look=look)).traces
    assert 0 <= trace.look < 7
