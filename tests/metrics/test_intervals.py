import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multilayer.metrics.intervals import mean_interval, standard_error, two_sided_tail


@given(t=st.floats(0, 50))
@example(t=1e-5)
def test_the_tail_of_one_and_of_two_freedoms_in_closed_form(t):
    assert two_sided_tail(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), abs=1e-7)
    assert two_sided_tail(t, 2) == pytest.approx(1 - t / math.hypot(t, math.sqrt(2)), abs=1e-7)


def test_an_interval_worked_out_by_hand():
    # Mean 3, variance (4 + 0 + 4) / 2 = 4, standard error 2 / √3, t(0.975; 2) = 4.302653.
    interval = mean_interval(np.array([1.0, 3.0, 5.0]))
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(4.302653 * 2 / math.sqrt(3), rel=1e-6)


def test_values_that_happen_to_be_equal_are_no_certainty():
    values = np.full(5, 0.9)
    assert standard_error(values) == 0
    assert standard_error(values, 0.01) == pytest.approx(0.01 / math.sqrt(12 * 5))


def test_a_single_value_says_nothing():
    interval = mean_interval(np.array([0.5]))
    assert (interval.low, interval.high) == (-math.inf, math.inf)
