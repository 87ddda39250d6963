"""How the processor works during a fit: threads, precision, the smallest numbers.

PyTorch keeps the precision of products for all threads of a process, and the number of threads for
each, where one that uses PyTorch for the first time takes the number that was set last by any. So
trainings in several threads are kept from taking each other's for their own here.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.forked import is_forked

# The mean product of a step, in multiply-adds, from which PyTorch's threads share in it. They wait
# for each other in every operation. Tables' networks have many small ones between their products:
# alone a second thread saves 5 to 15% there, and two fits at once take three times as long, not 1.2
# times (benchmarks/company.py, cases default and default-2).
_LEAST_PRODUCT_FOR_THREADS = 3_000_000
_LEAST_PRODUCT_AMONG_OTHERS = 20_000_000
# Threads with members of their own wait for each other once a step; multiply-adds of a step.
_LEAST_STEP_FOR_LANES = 5_000_000
# With fewer, threads would have one member more or less to do, and wait for the longest.
_LEAST_MEMBERS_OF_A_LANE = 2

_EXACT = "highest"


def choose_num_threads(settings: TrainingSettings, spec: NetworkSpec, num_members: int) -> int:
    """The number of threads that a fit runs on.

    It follows from the settings and the sizes alone, not from a measurement, so that a run on a
    machine repeats bit for bit.
    """
    if settings.num_threads:
        return settings.num_threads
    usual = usual_num_threads()
    work = settings.batch_size * spec.num_parameters
    if choose_num_member_threads(num_members, usual) > 1:
        return usual if 3 * work * num_members >= _LEAST_STEP_FOR_LANES else 1
    product = work * num_members / (len(spec.hidden_widths) + 1)
    is_plain = spec.is_linear_layers_alone
    least = _LEAST_PRODUCT_FOR_THREADS if is_plain else _LEAST_PRODUCT_AMONG_OTHERS
    return usual if product >= least else 1


def choose_num_member_threads(num_members: int, num_threads: int) -> int:
    """How many threads the members are divided among; 1: the threads share in each product."""
    return num_threads if num_members >= _LEAST_MEMBERS_OF_A_LANE * num_threads else 1


class _Inside:
    """The trainings and predictions that compute at this moment, in whichever threads.

    All of them have the same precision; others wait until they are through, and are let in before
    more of these.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._trainings: Counter[int] = Counter()  # by the number of threads that they have set
        self._num_predictions = self._num_entered = self._num_waiting = 0
        self._waiting: Counter[str] = Counter()  # by precision
        self._precision = _EXACT
        self._outside = 1, _EXACT  # threads and precision before the first training
        self._own = threading.local()  # num_threads, within a training

    def usual_num_threads(self) -> int:
        """Threads that PyTorch would take if nobody was inside."""
        number = torch.get_num_threads()
        with self._changed:
            return self._outside[0] if self._trainings[number] else number

    def enter(self, num_threads: int, precision: str) -> int:
        """Begin with a part of a training.

        Returns:
            The number of threads to be put back.
        """
        before = torch.get_num_threads()
        with self._changed:
            self._wait_for(precision)
            if self._trainings[before]:  # taken over from a training in another thread
                before = self._outside[0]
            self._add_training(before, num_threads, precision)
        return before

    def leave(self) -> None:
        """End a part of a training; the last one puts the precision back."""
        with self._changed:
            self._remove_training()

    def is_awaited(self) -> bool:
        """Whether others wait for another precision; asked within a training."""
        return bool(self._num_waiting) and self._waiting[self._precision] < self._num_waiting

    def give_way(self) -> None:
        """Within a training, let those in that wait for another precision."""
        with self._changed:
            if not self.is_awaited():
                return
            precision, num_threads = self._precision, self._own.num_threads
            num_entered, before = self._num_entered, self._outside[0]
            self._remove_training()
            self._wait_until(precision, lambda: self._num_entered != num_entered)
            self._wait_for(precision)
            self._add_training(before, num_threads, precision)

    def is_in_training(self) -> bool:
        """Whether this thread trains or scores a training's epoch."""
        return bool(getattr(self._own, "num_threads", None))

    def enter_prediction(self) -> bool:
        """Begin with a prediction; within a training it is part of that, and this does nothing.

        Returns:
            Whether `leave_prediction` has to be called.
        """
        if self.is_in_training():
            return False
        with self._lock:  # in half the time of `with self._changed`, which is the same
            self._wait_for(_EXACT)
            self._num_predictions += 1
        return True

    def leave_prediction(self) -> None:
        """End a prediction."""
        with self._lock:
            self._num_predictions -= 1
            if self._num_waiting:
                self._changed.notify_all()

    def _wait_for(self, precision: str) -> None:
        others_wait = self._num_waiting > 0 and self._waiting[precision] < self._num_waiting
        if (others_wait or self._precision != precision) and self._is_anyone_inside():
            self._wait_until(
                precision, lambda: not self._is_anyone_inside() or self._precision == precision
            )
        self._precision = precision
        self._num_entered += 1

    def _wait_until(self, precision: str, is_so: Callable[[], bool]) -> None:
        self._waiting[precision] += 1
        self._num_waiting += 1
        self._changed.wait_for(is_so)
        self._waiting[precision] -= 1
        self._num_waiting -= 1

    def _is_anyone_inside(self) -> bool:
        return self._num_predictions + self._trainings.total() > 0

    def _add_training(self, threads_before: int, num_threads: int, precision: str) -> None:
        if not self._trainings.total():
            self._outside = threads_before, torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision(precision)
        self._trainings[num_threads] += 1
        self._own.num_threads = num_threads
        self._changed.notify_all()

    def _remove_training(self) -> None:
        self._trainings[self._own.num_threads] -= 1
        self._own.num_threads = None
        if not self._trainings.total():
            torch.set_float32_matmul_precision(self._outside[1])
        self._changed.notify_all()


_inside = _Inside()


def usual_num_threads() -> int:
    """Threads that PyTorch would take if no training was inside."""
    return _inside.usual_num_threads()


is_awaited, give_way = _inside.is_awaited, _inside.give_way
is_in_training = _inside.is_in_training

if hasattr(os, "register_at_fork"):  # those of other threads are not there any more
    os.register_at_fork(after_in_child=_inside.__init__)  # type: ignore[misc]


class exact_products:  # noqa: N801 (a function to its callers)
    """Wait until products are exact, and keep them so; within a training they are its own.

    A class, as one row is answered in less time than ten generators take to begin and end.
    """

    def __enter__(self) -> None:
        self._has_entered = _inside.enter_prediction()

    def __exit__(self, *_: object) -> None:
        if self._has_entered:
            _inside.leave_prediction()


@contextmanager
def processor(num_threads: int, precision: str) -> Iterator[None]:
    """Set PyTorch's threads and precision, and put them back after.

    Of trainings in several threads those of another precision wait meanwhile. Numbers too small for
    float32's full precision are taken as zero: they slow a processor down a hundredfold and change
    nothing.

    Args:
        num_threads: for the products; in a forked process one, as the others are gone.
        precision: "highest", or "medium" for products that may round to bfloat16.
    """
    if is_forked():
        num_threads = 1
    threads_before, flushed_before = _inside.enter(num_threads, precision), flushes_denormals()
    torch.set_num_threads(num_threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
        torch.set_num_threads(threads_before)
        _inside.leave()


def flushes_denormals() -> bool:
    """Whether this thread takes numbers too small for full precision as zero."""
    return float(torch.tensor(1e-310, dtype=torch.float64) * 1) == 0
