"""Two settings against each other, in a thread beside the training."""

import threading
from collections.abc import Callable
from pathlib import Path

from multilayer.errors import MultilayerError
from multilayer.playground.messages import packed, refusal
from multilayer.playground.session import COMPARISON_THREAD
from multilayer.playground.setup import Setup
from multilayer.playground.verdict import SetupVerdict, compare_setups
from multilayer.playground.words import LANGUAGES


class Comparing:
    """A comparison that tells the page what is known after each look, and at its end.

    Args:
        first: a setup.
        second: another one for the same data.
        table: the reader's own file; None without.
        send: gives the page a message; called in this thread.
    """

    def __init__(
        self, first: Setup, second: Setup, table: Path | None, send: Callable[[bytes], None]
    ) -> None:
        self._send, self._stop = send, threading.Event()
        arguments = first, second, table
        self._thread = threading.Thread(
            target=self._compare, args=arguments, name=COMPARISON_THREAD, daemon=True
        )
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after the current batch."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait for the thread."""
        self._thread.join(seconds)

    def _compare(self, first: Setup, second: Setup, table: Path | None) -> None:
        try:
            verdict = compare_setups(first, second, table, stop=self._stop, on_look=self._tell_look)
            self._tell(verdict, is_over=True)
        except (MultilayerError, MemoryError) as error:
            self._send(packed({"kind": "verdict", "is_over": True, "sentences": None}))
            self._send(refusal(error))

    def _tell_look(self, verdict: SetupVerdict) -> None:
        if verdict.comparison.pairs:  # else it was stopped, which its end tells
            self._tell(verdict, is_over=False)

    def _tell(self, verdict: SetupVerdict, *, is_over: bool) -> None:
        sentences = [verdict.sentences(language) for language in LANGUAGES]
        self._send(packed({"kind": "verdict", "is_over": is_over, "sentences": sentences}))
