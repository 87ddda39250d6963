import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from multilayer.metrics.intervals import mean_interval, quantile, standard_error, two_sided_tail


# Next to 0 scipy's tail is 1 where 1 − 2t/π is right for one degree of freedom.
@given(
    t=st.floats(-50, 50).filter(lambda t: t == 0 or abs(t) > 1e-6),
    num_freedoms=st.integers(1, 200),
)
def test_the_tail_is_scipys(t, num_freedoms):
    expected = 2 * stats.t.sf(abs(t), num_freedoms)
    assert two_sided_tail(t, num_freedoms) == pytest.approx(expected, abs=1e-13)


@given(tail=st.floats(1e-6, 1 - 1e-6), num_freedoms=st.integers(1, 200))
def test_the_quantile_is_scipys(tail, num_freedoms):
    expected = stats.t.isf(tail / 2, num_freedoms)
    assert quantile(tail, num_freedoms) == pytest.approx(expected, rel=1e-8, abs=1e-8)


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
