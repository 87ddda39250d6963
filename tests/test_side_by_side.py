"""Calls of a function in several processes side by side."""

import operator
import os
import time
from collections.abc import Iterator

import pytest

from multilayer.side_by_side import side_by_side

pytestmark = pytest.mark.skipif(os.name == "nt", reason="descriptors are passed on")


def test_results_come_in_the_order_of_their_tasks():
    waits = [(0.2,), (0.0,), (0.1,), (0.0,), (0.0,)]
    assert list(side_by_side(time.sleep, waits, 2)) == [None] * 5
    assert list(side_by_side(operator.mul, [(n, n) for n in range(9)], 3)) == [
        n * n for n in range(9)
    ]
    assert list(side_by_side(operator.mul, [], 2)) == []


def test_tasks_are_taken_when_their_turn_is_near():
    taken: list[int] = []

    def tasks() -> Iterator[tuple[int]]:
        for number in range(20):
            taken.append(number)
            yield (number,)

    results = side_by_side(abs, tasks(), 1)
    for number in range(18):
        assert next(results) == number
        assert len(taken) == number + 2
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 19


def test_the_first_error_in_their_order_is_raised():
    results = side_by_side(operator.truediv, [(1, 1), (1, 0), (1, "2"), (1, 1)], 2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)
