import time

import pytest

import multilayer as d2l


def test_laps_are_measured_and_summed(monkeypatch):
    clock = iter([10.0, 11.0, 20.0, 22.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    timer = d2l.Timer()
    assert timer.stop() == 1
    timer.start()
    assert timer.stop() == 2.5
    assert timer.times == [1, 2.5]
    assert timer.sum() == 3.5
    assert timer.avg() == pytest.approx(1.75)
    assert timer.cumsum() == [1, 3.5]
