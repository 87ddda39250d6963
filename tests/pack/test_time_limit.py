"""A time limit is read, counted and kept to."""

import pytest

from multilayer.engine.specification import NetworkSpec
from multilayer.pack.pack_state import WavePlan
from multilayer.pack.time_limit import Deadline, Pace, units_of
from multilayer.stopwatch import read_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("5m", 300), ("5 min", 300), ("1h", 3600), ("1h30m", 5400), ("1h 30m", 5400),
        ("2.5m", 150), ("45", 45), ("0.5", 0.5), ("10S", 10),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "abc", "0", "0s", "-5m", "5x", "m", "5m!", "1e400", "nan", "inf", "5m-3s", "1:30"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="must be a time"):
        read_seconds(text)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Flag:
    def __init__(self, value: bool) -> None:
        self.value = value

    def is_set(self) -> bool:
        return self.value


def test_a_deadline_counts_from_its_beginning_and_keeps_a_reserve():
    clock = Clock()
    deadline = Deadline(60, began=90, reserve=5, clock=clock)
    assert deadline.seconds_spent == 10
    assert deadline.seconds_left == 45
    stop = deadline.as_stop(None)
    assert not stop.is_set()
    clock.now = 144.9
    assert not stop.is_set()
    clock.now = 145
    assert stop.is_set()
    assert deadline.is_over


def test_a_resumed_run_has_what_it_left_over():
    clock = Clock()
    deadline = Deadline(60, clock=clock)
    deadline.spent(40)
    assert deadline.seconds_left == 20
    clock.now += 15
    assert deadline.seconds_spent == 55


def test_another_stop_stops_as_well_and_without_a_limit_it_alone():
    flag = Flag(False)
    stop = Deadline(None).as_stop(flag)
    assert not stop.is_set()
    flag.value = True
    assert stop.is_set()
    assert Deadline(None).seconds_left is None
    assert not Deadline(None).is_over


def test_waves_are_made_smaller_until_they_fit():
    spec, plan = NetworkSpec(10, 1, (20,)), WavePlan(3, 2, 100)
    pace = Pace(1 / units_of(spec, 5))  # a second for an epoch of a draw of five networks
    assert pace.within(200, plan, spec, 5) == plan
    assert pace.within(199, plan, spec, 5) == WavePlan(3, 1, 100)
    assert pace.within(99, plan, spec, 5) is None
    assert pace.within(99, plan, spec, 5, [0.3, 0.6, 0.9]) == WavePlan(3, 1, 99)
    assert pace.within(61, plan, spec, 5, [0.3, 0.6, 0.9]) == WavePlan(3, 1, 61)
    assert pace.within(59, plan, spec, 5, [0.3, 0.6, 0.9]) is None
    assert pace.within(10, plan, spec, 5, [0.01]) == WavePlan(3, 1, 10)
    assert pace.within(9, plan, spec, 5, [0.01]) is None
    assert Pace().within(1, plan, spec, 5) == plan  # nothing is known yet
