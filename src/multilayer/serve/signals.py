"""The signals of a server, taken in its event loop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping

ENDING = (signal.SIGTERM, signal.SIGINT)
HANGING_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()  # Windows has none


@contextlib.contextmanager
def signals_in_loop(acts: Mapping[int, Callable[[], object]]) -> Iterator[None]:
    """Let signals call functions in the event loop that runs, and put all back at the end.

    One of `ENDING` that the process was started to ignore, as a job in the background is, stays
    ignored.

    Args:
        acts: what each signal calls.
    """
    loop, before = asyncio.get_running_loop(), {}

    def take(number: int, act: Callable[[], object]) -> None:
        before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))

    for number, act in acts.items():
        if number not in ENDING or signal.getsignal(number) != signal.SIG_IGN:
            take(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
