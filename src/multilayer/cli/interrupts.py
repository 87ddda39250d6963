"""Ctrl-C as a request instead of an accident."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from multilayer.cli.terminal import say


@contextmanager
def stop_on_interrupt() -> Iterator[Event]:
    """An event that the first Ctrl-C sets; the second one interrupts at once."""
    stop = Event()
    previous = signal.getsignal(signal.SIGINT)

    def request_stop(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, previous)
        say("stopping after this batch; Ctrl-C again to stop at once", file=sys.stderr)

    signal.signal(signal.SIGINT, request_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)
