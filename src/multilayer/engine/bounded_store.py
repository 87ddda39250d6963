"""The store of a job, whose calls end in time also where nobody says that the network is cut."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from torch.distributed import Store  # type: ignore[attr-defined]


class BoundedStore:
    """A store that several threads may call, one after the other.

    PyTorch waits for a store's answer as long as the system keeps the connection, which is a
    quarter of an hour after a cable is pulled.

    Every method raises RuntimeError where the store cannot be reached or has not answered in time;
    after that all do so at once, until the answer has come.

    Args:
        store: that nobody else uses.
        seconds: that it has for an answer.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._calls: queue.SimpleQueue[
            tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None
        ] = queue.SimpleQueue()
        self._late: Future[Any] = Future()  # the last call that had no answer in time
        self._late.set_result(None)
        threading.Thread(target=self._work, name="bounded-store", daemon=True).start()

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        self._call(self._store.set, key, value)

    def get(self, key: str) -> str:
        """A value that is there; see `check`."""
        return bytes(self._call(self._store.get, key)).decode()

    def check(self, key: str) -> bool:
        """Whether there is a value."""
        return bool(self._call(self._store.check, [key]))

    def add(self, key: str, number: int) -> int:
        """Add to a value that is a number, 0 at first; what it is then."""
        return int(self._call(self._store.add, key, number))

    def compare_set(self, key: str, expected: str, value: str) -> None:
        """Keep a value if the present one is that expected; empty: there is none."""
        self._call(self._store.compare_set, key, expected, value)

    def close(self) -> None:
        """End the thread that waits for answers; no method may be called afterwards."""
        self._calls.put(None)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if not self._late.done():
            raise RuntimeError("the store of the job does not answer")
        future: Future[Any] = Future()
        self._calls.put((future, function, arguments))
        try:
            return future.result(self._seconds)
        except TimeoutError:
            self._late = future
            raise RuntimeError(
                f"the store of the job has not answered for {self._seconds:g} s"
            ) from None

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function, arguments = call
            try:
                future.set_result(function(*arguments))
            except Exception as error:  # raised where the call was made
                future.set_exception(error)
