import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.drawing.axis import Axis, can_show, check_axis
from multilayer.errors import SettingsError

any_number = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("low", "high", "max_ticks", "labels"),
    [
        (0, 10, 6, ["0", "2", "4", "6", "8", "10"]),
        (0, 10, 11, [str(number) for number in range(11)]),
        (0.31, 2.07, 5, ["0.5", "1.0", "1.5", "2.0"]),
        (-1, 1, 3, ["-1", "0", "1"]),
        (0, 3e6, 4, ["0", "1e6", "2e6", "3e6"]),
        (0, 2e-7, 3, ["0", "1e-7", "2e-7"]),
    ],
)
def test_linear_ticks_are_round_numbers(low, high, max_ticks, labels):
    assert [label for _, label in Axis(low, high).ticks(max_ticks)] == labels


@pytest.mark.parametrize(
    ("low", "high", "max_ticks", "labels"),
    [
        (1e-3, 1, 4, ["0.001", "0.01", "0.1", "1"]),
        (1, 10, 4, ["1", "2", "5", "10"]),
        (1e-9, 1, 4, ["1e-9", "1e-6", "0.001", "1"]),
        (2, 3, 4, ["2.0", "2.5", "3.0"]),  # no power of ten inside: as on a linear axis
    ],
)
def test_log_ticks_are_powers_of_ten_where_there_are_any(low, high, max_ticks, labels):
    assert [label for _, label in Axis(low, high, "log").ticks(max_ticks)] == labels


@given(
    st.lists(any_number, max_size=5),
    st.sampled_from(["linear", "log"]),
    st.integers(1, 12),
)
def test_every_set_of_numbers_has_an_axis_with_readable_ticks(values, scale, max_ticks):
    axis = Axis.around(values, scale)
    for value in values:
        if can_show(value, scale):
            assert 0 <= axis.fraction(value) <= 1
    for stretched in (axis, axis.rounded_outward(max_ticks)):
        ticks = stretched.ticks(max_ticks)
        assert len(ticks) <= (max_ticks if stretched is axis else max(3, max_ticks))
        assert len({label for _, label in ticks}) == len(ticks)
        for value, label in ticks:
            assert -1e-3 <= stretched.fraction(value) <= 1 + 1e-3
            assert math.isclose(
                float(label), value, abs_tol=1e-2 * (stretched.high - stretched.low)
            )


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 12))
def test_a_stretched_axis_holds_the_original_and_ends_on_ticks(low, span, max_ticks):
    axis = Axis(low, low + span)
    stretched = axis.rounded_outward(max_ticks)
    assert stretched.low <= axis.low
    assert stretched.high >= axis.high
    ticks = [value for value, _ in stretched.ticks(max_ticks)]
    tolerance = 1e-3 * (stretched.high - stretched.low)
    assert math.isclose(ticks[0], stretched.low, abs_tol=tolerance)
    assert math.isclose(ticks[-1], stretched.high, abs_tol=tolerance)


@pytest.mark.parametrize(
    ("limits", "scale", "message"),
    [
        ((0, 1), "cubic", "x_scale is 'cubic'; it must be one of linear, log"),
        ((1, 1), "linear", "x_limits is (1, 1); it must be two numbers, the smaller first"),
        ((2, 1), "linear", "x_limits is (2, 1); it must be two numbers, the smaller first"),
        (
            (0, math.nan),
            "linear",
            "x_limits is (0, nan); it must be two numbers, the smaller first",
        ),
        ((0, 1), "log", "x_limits is (0, 1); it must be two positive numbers, the smaller first"),
    ],
)
def test_unusable_settings_are_named(limits, scale, message):
    with pytest.raises(SettingsError) as caught:
        check_axis("x", limits, scale)
    assert str(caught.value) == message
