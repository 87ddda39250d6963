"""Calls of a function in several processes side by side, whose results come in order."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

from multilayer.fresh_process import FreshProcess


def side_by_side(
    function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], num_processes: int
) -> Iterator[Any]:
    """Call a function once for each task.

    Where the results are no longer wanted, each process ends once it has done what it is at.

    Args:
        function: of a module, or a method; see `FreshProcess.call`.
        tasks: arguments of each call, taken when its turn is near: at most twice as many as there
            are processes lie between a call and the result that was given last.
        num_processes: at least 1.

    Yields:
        The results, in the order of the tasks.

    Raises:
        Exception: of the first call, in their order, that raised one.
    """
    calls: queue.SimpleQueue[tuple[Future[Any], tuple[Any, ...]] | None] = queue.SimpleQueue()

    def work() -> None:
        with closing(FreshProcess()) as fresh:
            while (call := calls.get()) is not None:
                future, arguments = call
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(fresh.call(function, *arguments))
                except Exception as error:  # raised where the results are taken
                    future.set_exception(error)

    for _ in range(num_processes):
        threading.Thread(target=work, daemon=True).start()
    waiting: deque[Future[Any]] = deque()
    try:
        for arguments in tasks:
            future: Future[Any] = Future()
            waiting.append(future)
            calls.put((future, arguments))
            if len(waiting) == 2 * num_processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(num_processes):
            calls.put(None)
