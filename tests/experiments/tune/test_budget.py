from contextlib import suppress
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.errors import SettingsError
from multilayer.experiments.tune.budget import Budget, Clock, read_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10min", 600), ("1h30m", 5400), ("0.5h", 1800), ("1h 5s", 3605)],
)
def test_times_as_people_write_them(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["banana", "", "10", "10x", "-5s", "5m!", "m", "1e3s", "٣s"])
def test_what_is_no_time_is_said_to_be_none(text):
    with pytest.raises(SettingsError, match="time must be written as 90s"):
        read_seconds(text)


@given(st.text())
def test_any_text_is_a_time_or_an_error(text):
    with suppress(SettingsError):
        assert read_seconds(text) >= 0


@pytest.mark.parametrize("budget", [{"num_trials": 0}, {"seconds": 0.0}, {"seconds": -1.0}])
def test_a_budget_is_above_zero(budget):
    with pytest.raises(SettingsError, match=r"at least 1|above 0"):
        Budget(**budget)


def test_a_clock_stops_by_time_or_by_wish():
    stop = Event()
    clock = Clock(None, stop)
    assert not clock.is_set()
    assert clock.seconds_left is None
    stop.set()
    assert clock.is_set()
    assert clock.is_stopped
    late = Clock(1e-9, None)
    assert late.is_set()
    assert not late.is_stopped
