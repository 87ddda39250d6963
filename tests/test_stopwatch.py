import time

import pytest

from multilayer.stopwatch import Stopwatch


def test_parts_are_added_up_in_the_order_of_their_beginnings(monkeypatch):
    now = iter([10.0, 11.5, 20.0, 20.5, 30.0, 32.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    watch = Stopwatch()
    for name in ("reading", "training", "reading"):
        with watch.part(name):
            pass
    assert watch.seconds == {"reading": 3.5, "training": 0.5}
    assert list(watch.seconds) == ["reading", "training"]


def test_a_part_that_fails_has_taken_its_time():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="no"), watch.part("reading"):
        raise ValueError("no")
    assert watch.seconds["reading"] >= 0
