"""One page's networks: trained in a thread of its own, shown as fast as the page can draw.

The thread ends when the page is gone. PyTorch is loaded within it, so that the page is there first.
"""

import math
import queue
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.errors import MultilayerError
from multilayer.files import replace_atomically
from multilayer.playground.messages import packed, refusal
from multilayer.playground.refused import PageError
from multilayer.playground.setup import Setup
from multilayer.playground.sketch import sketch

if TYPE_CHECKING:
    from multilayer.playground.comparing import Comparing
    from multilayer.playground.live import Live

# What a training goes on with when it changes; all else begins anew.
CHANGES_THAT_GO_ON = ("optimizer", "learning_rate", "batch_size", "dropout", "weight_decay")
CHANGES_OF_CODE_ALONE = ("num_epochs",)  # and of comparisons
SESSION_THREAD, COMPARISON_THREAD = "playground session", "playground comparison"
_SECONDS_A_FRAME = 0.04
_SECONDS_TO_STOP = 2.0
_MOST_WAITING = 64
_FIRST_SPEED = 100
SECONDS_HIDDEN = 30.0  # after which playing rests until the page is seen again
_END: dict[str, Any] = {}
_LIVE = "multilayer.playground.live"


class Session:
    """Does what a page asks for.

    Args:
        send: gives the page a message; called in this session's thread.
        table: the reader's own file; None until there is one.
    """

    def __init__(self, send: Callable[[bytes], None], table: Path | None = None) -> None:
        self._send, self._table = send, table
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue(_MOST_WAITING)
        self._is_over = threading.Event()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._live: Live | None = None
        self._comparing: Comparing | None = None
        self._is_playing, self._is_one_epoch, self._speed = False, False, _FIRST_SPEED
        self._rests_from = math.inf  # a time, while the page is hidden
        self._next_step = self._next_frame = 0.0
        self._number = 0  # of the newest frame
        self._is_dirty, self._is_awaited = False, False  # something is new; the page is drawing
        self._thread = threading.Thread(target=self._work, name=SESSION_THREAD, daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether the page has to wait before it asks for more."""
        return self._inbox.full()

    def ask(self, command: dict[str, Any]) -> None:
        """Let the thread do something; there is place for it."""
        self._inbox.put_nowait(command)

    def end(self) -> None:
        """Stop after this batch."""
        self._is_over.set()
        if not self._inbox.full():  # wakes the thread; a full one is awake
            self._inbox.put_nowait(_END)

    def join(self, seconds: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while not self._is_over.is_set():
                for command in self._asked():
                    if not self._is_over.is_set():
                        self._guarded(partial(self._do, command))
                if self._is_playing and not self._rests and not self._is_over.is_set():
                    self._guarded(self._train)
                self._show()
        finally:
            self._live = None
            if self._comparing is not None:
                self._comparing.stop()
                self._comparing.join(_SECONDS_TO_STOP)
            if self._folder is not None:
                self._folder.cleanup()

    def _asked(self) -> list[dict[str, Any]]:
        """What the page asks for now; waits for it where there is nothing else to do."""
        asked: list[dict[str, Any]] = []
        try:
            seconds = self._seconds_to_wait()
            asked.append(self._inbox.get(timeout=seconds) if seconds else self._inbox.get_nowait())
            while True:
                asked.append(self._inbox.get_nowait())
        except queue.Empty:
            return _newest_settings(asked)

    @property
    def _rests(self) -> bool:
        """Whether nobody has seen the page for long; an epoch that was asked for is finished."""
        return not self._is_one_epoch and time.perf_counter() >= self._rests_from

    def _seconds_to_wait(self) -> float | None:
        now, times = time.perf_counter(), []
        if self._is_playing and not self._rests:
            times.append(self._next_step - now)
        if self._is_dirty and not self._is_awaited:
            times.append(self._next_frame - now)
        return max(0.0, min(times)) if times else None

    def _guarded(self, do: Callable[[], None]) -> None:
        """Do something, and tell the page if it cannot be done."""
        try:
            do()
        except (MultilayerError, MemoryError) as error:
            self._is_playing = False
            self._is_dirty = self._live is not None
            # The reader does not know the folder in which the table is kept.
            self._send(refusal(error, f"{self._folder.name}/" if self._folder else ""))
        except Exception as error:  # a mistake of ours: the page must not wait for ever
            self._is_playing = False
            traceback.print_exc()
            self._send(refusal(f"the playground failed: {type(error).__name__}: {error}"))

    def _do(self, command: dict[str, Any]) -> None:
        do = command["do"]
        if do in ("begin", "set"):
            self._set(Setup.from_query(command["query"]))
        elif do == "drawn":
            self._is_awaited = self._is_awaited and command["number"] != self._number
        elif do == "hidden":
            self._rests_from = time.perf_counter() + SECONDS_HIDDEN
        elif do == "seen":
            self._be_seen()
        elif do == "speed":
            self._speed, self._next_step = command["steps"], time.perf_counter()
        elif do == "stop_comparing":
            if self._comparing is not None:
                self._comparing.stop()
        elif do == "table":
            self._keep_table(command["name"], command["text"])
        elif self._live is None:
            raise PageError("no_network")
        elif do == "reset":
            self._begin(self._live.setup)
        elif do == "code":
            self._send(packed({"kind": "code", "forms": self._live.code()}))
        elif do == "compare":
            self._compare(Setup.from_query(command["first"]), self._live.setup)
        elif do == "trace":
            self._send(packed({"kind": "trace", **self._live.trace()}))
        else:
            self._move(do)

    def _set(self, setup: Setup) -> None:
        if self._live is not None and self._live.change(setup):
            self._send(packed({"kind": "changed", "query": setup.query()}))
            self._is_dirty = True
        else:
            self._begin(setup)

    def _be_seen(self) -> None:
        if self._is_playing and self._rests:
            self._next_step = time.perf_counter()
            self._send(packed({"kind": "rested"}))
        self._rests_from = math.inf

    def _begin(self, setup: Setup) -> None:
        if not hasattr(sys.modules.get(_LIVE), "Live") and (drawn := sketch(setup)) is not None:
            self._send(drawn)
        from multilayer.playground.live import Live

        self._live = Live(setup, self._table)
        self._send(self._live.opening())
        self._is_dirty, self._is_awaited, self._next_frame = True, False, 0.0

    def _compare(self, first: Setup, second: Setup) -> None:
        from multilayer.playground.comparing import Comparing

        if self._comparing is not None and self._comparing.is_running:
            raise PageError("comparing")
        self._comparing = Comparing(first, second, self._table, self._send)

    def _keep_table(self, name: str, text: str) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="multilayer-playground-")
        is_plain = name.isprintable() and not name.startswith(".") and "/" not in name
        path = Path(self._folder.name) / (name if is_plain and name else "table.csv")
        with replace_atomically(path) as file:
            file.write(text.encode("utf-8", "surrogatepass"))  # which the reader refuses
        from multilayer.reading.table import read_table

        columns = list(read_table(path, as_text=True).columns)
        self._table = path
        self._send(packed({"kind": "table", "name": name, "columns": columns}))

    def _move(self, do: str) -> None:
        """Play, pause, or take one step or one epoch."""
        assert self._live is not None
        training = self._live.training
        self._is_playing, self._is_one_epoch = do in ("play", "epoch"), do == "epoch"
        self._next_step = time.perf_counter()
        if do == "step":
            with training.on_processor():
                training.step()
        if do != "epoch":  # which is seen by its steps
            self._is_dirty, self._next_frame = True, 0.0

    def _train(self) -> None:
        """Take the steps that are due, until the next frame is."""
        assert self._live is not None
        end = time.perf_counter() + _SECONDS_A_FRAME
        if self._is_dirty and not self._is_awaited:
            end = min(end, self._next_frame)
        between = 1 / self._speed if self._speed and not self._is_one_epoch else 0.0
        training = self._live.training
        with training.on_processor():
            while (now := time.perf_counter()) >= self._next_step:
                is_over = training.step()
                self._is_dirty = True
                if is_over and self._is_one_epoch:
                    self._is_playing = False
                    break
                # What could not be done in time is not made up for.
                self._next_step = max(self._next_step + between, now - _SECONDS_A_FRAME)
                if now >= end or self._is_over.is_set() or not self._inbox.empty():
                    break

    def _show(self) -> None:
        if self._live is None or not self._is_dirty or self._is_awaited or self._is_over.is_set():
            return
        now = time.perf_counter()
        if now < self._next_frame:
            return
        self._number += 1
        self._send(self._live.frame(self._number, is_playing=self._is_playing))
        self._is_dirty, self._is_awaited, self._next_frame = False, True, now + _SECONDS_A_FRAME


def _newest_settings(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without settings that others follow at once, as while somebody drags a slider."""
    return [
        command
        for command, following in zip_longest(asked, asked[1:], fillvalue=_END)
        if command and not (command["do"] == "set" and following.get("do") == "set")
    ]
