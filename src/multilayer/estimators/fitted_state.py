"""Make fits atomic: other threads see an estimator as before a fit or as after it.

scikit-learn keeps it in many attributes. A method that learns works on a copy of its estimator and
puts all of them in place at once; a method that answers looks at one moment of them. So threads may
answer while another fits, and a fit that fails or is interrupted leaves the estimator as it was.
Of several threads that fit one estimator each waits for the one before: what one has learned the
next goes on from.
"""

import functools
import os
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from multilayer.forked import lacks_polars_threads
from multilayer.fresh_process import fresh_process

S = TypeVar("S")
P = ParamSpec("P")


class _Locks:
    """A lock for each estimator that learns; beside it, so that it can be pickled and copied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_estimators: WeakKeyDictionary[object, threading.RLock] = WeakKeyDictionary()
        if hasattr(os, "register_at_fork"):  # a forked child lacks the threads that hold them
            os.register_at_fork(after_in_child=self._begin_anew)

    def of(self, estimator: object) -> threading.RLock:
        with self._lock:
            return self._of_estimators.setdefault(estimator, threading.RLock())

    def _begin_anew(self) -> None:
        self._lock, self._of_estimators = threading.Lock(), WeakKeyDictionary()


_locks = _Locks()


def moment_of(estimator: S) -> S:
    """A copy with the same attributes, which keeps them whatever becomes of the estimator's."""
    moment = object.__new__(type(estimator))
    moment.__dict__ = vars(estimator).copy()
    return moment


def learns_at_once(method: Callable[Concatenate[S, P], S]) -> Callable[Concatenate[S, P], S]:
    """Have a method that changes its object and gives it change the object at its end alone.

    In a forked process that lacks threads, the object is sent to a fresh process and back.
    """

    @functools.wraps(method)
    def run(self: S, /, *arguments: P.args, **named: P.kwargs) -> S:
        with _locks.of(self):
            if lacks_polars_threads():
                changed = fresh_process.call(_call_method, self, method.__name__, arguments, named)
            else:
                changed = method(moment_of(self), *arguments, **named)
            self.__dict__ = vars(changed)
        return self

    return run


def _call_method(self: Any, name: str, arguments: Any, named: Any) -> Any:
    return getattr(self, name)(*arguments, **named)
