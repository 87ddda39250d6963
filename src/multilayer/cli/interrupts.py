"""Ctrl-C, SIGTERM and SIGHUP as a request instead of an accident."""

import os
import signal
import sys
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Any

from multilayer.cli.terminal import say

_REQUESTS = tuple(  # Windows has no SIGHUP
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))
)
_SECONDS_OF_ONE_REQUEST = 2.0
_SECONDS_TO_SAY_IT = 2.0  # before the command goes on to its own last lines
_NO_SIGNAL = 0
_BROKEN_PIPE = 13  # SIGPIPE, which Windows lacks
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end before it began what it could stop in the middle of."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = exit_code_of(number)


class Stop(Event):
    """Set by the first signal that asks the process to end."""

    number: int = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """Of a process that was stopped so."""
        return exit_code_of(self.number)


class _Receiver:
    """Takes the signals: the first is a request, the second ends the process at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.stop: Stop | None = None
        self._since = 0.0
        self._saying = allocate_lock()  # held until the thread has said it

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.number is not None:
            if _is_from_torchrun() and time.monotonic() - self._since < _SECONDS_OF_ONE_REQUEST:
                return
            leave_at_once(number)
        self.number, self._since = number, time.monotonic()
        if self.stop is None:
            raise Interrupted(number)
        self.request(number)
        if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
            return
        # What the signal interrupts may be printing or drawing: a thread waits until it has ended.
        # A Thread takes locks to start, which what was interrupted may hold; this takes none.
        self._saying.acquire(blocking=False)
        start_new_thread(self._say_that_it_stops, (number,))

    def _say_that_it_stops(self, number: int) -> None:
        again = "Ctrl-C again" if number == signal.SIGINT else "the next signal"
        try:
            with suppress(OSError, ValueError):  # nobody reads it any more
                say(f"stopping after this batch; {again} to stop at once", file=sys.stderr)
        finally:
            self._saying.release()

    def wait_until_said(self) -> None:
        """Wait for the words of the first signal, which come before those of the end."""
        if self._saying.acquire(timeout=_SECONDS_TO_SAY_IT):
            self._saying.release()

    def request(self, number: int) -> None:
        """Ask what is running to stop."""
        assert self.stop is not None
        self.stop.number = number
        self.stop.set()


def _is_from_torchrun() -> bool:
    """Whether one Ctrl-C may come twice: from the terminal, and from torchrun, which has it too."""
    return "TORCHELASTIC_RUN_ID" in os.environ


_receiver: _Receiver | None = None


@contextmanager
def receive_signals() -> Iterator[None]:
    """Let the first signal raise `Interrupted`, or set the event of `stop_on_interrupt`.

    Signals that the process was started to ignore, as nohup does, stay ignored.
    """
    global _receiver
    if _receiver is not None:
        yield
        return
    receiver = _receiver = _Receiver()
    previous = {number: signal.getsignal(number) for number in _REQUESTS}
    previous_hook = sys.unraisablehook

    def note_unraisable(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Interrupted):  # it came where nothing can be raised
            os._exit(unraisable.exc_value.exit_code)
        previous_hook(unraisable)

    try:
        sys.unraisablehook = note_unraisable
        for number, handler in previous.items():
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, receiver)
        yield
    finally:
        for number, handler in previous.items():
            if handler is not None:
                signal.signal(number, handler)
        sys.unraisablehook = previous_hook
        _receiver = None


@contextmanager
def stop_on_interrupt() -> Iterator[Stop]:
    """An event that the first signal sets; the second one ends the process at once."""
    with receive_signals():
        assert _receiver is not None
        _receiver.stop = stop = Stop()
        try:
            yield stop
        finally:
            _receiver.stop = None
            _receiver.wait_until_said()


def request_stop_for_broken_pipe() -> bool:
    """Stop what is running, since its reader went away; whether there is something to stop."""
    if _receiver is None or _receiver.stop is None:
        return False
    if not _receiver.stop.is_set():
        _receiver.request(_BROKEN_PIPE)
    return True


def expect_no_more_signals() -> None:
    """Let the next signal end the process at once: the command is over."""
    if _receiver is not None and _receiver.number is None:
        _receiver.number = _NO_SIGNAL


def received_exit_code() -> int | None:
    """The exit code for the signal that came; None: none has come."""
    if _receiver is None or _receiver.number in (None, _NO_SIGNAL):
        return None
    assert _receiver.number is not None
    return exit_code_of(_receiver.number)


def leave_at_once(number: int) -> None:
    """End the process; files are whole or not there at every moment."""
    with suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR + b"\n")
        os.write(2, b"error: interrupted\n")
    os._exit(exit_code_of(number))


def exit_code_of(number: int) -> int:
    """What a shell says of a process that a signal has ended."""
    return 128 + number
