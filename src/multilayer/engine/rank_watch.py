"""Whether the processes that train together are alive, and which of them is to say what is wrong.

Each process has a thread beside its training. It counts in the job's store, so that the others see
it is alive, and looks whether they do. No two machines' clocks are compared: what counts is how
long a count has not changed by the clock of the machine that looks.
"""

import faulthandler
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]

from multilayer.engine.bounded_store import BoundedStore
from multilayer.errors import DistributedError, SettingsError, escaped

_SECONDS_BETWEEN_BEATS = 0.5
_SECONDS_OF_SILENCE = 20.0  # after which a process counts as lost
_SECONDS_TO_FIND_WHO = 6 * _SECONDS_BETWEEN_BEATS
_SECONDS_TO_ANSWER = 10.0  # that the store has
_SECONDS_TO_NOTICE = 10.0  # that another process has failed; then this one is ended
_SECONDS_TO_PART = 10.0  # that rank 0, which may hold the store, waits for the others at the end
HANG_VARIABLE = "MULTILAYER_HANG_SECONDS"
_SECONDS_OF_A_HANG = 300.0
_SECONDS_TO_HEAR = 12.0  # that it waits for them to read why it has failed
_FAILED = 1


def seconds_of_a_hang() -> float:
    """After how long without a batch, and without waiting for others, a process counts as hanging.

    300, or what the variable MULTILAYER_HANG_SECONDS says.

    Raises:
        SettingsError: that is no number above 0.
    """
    text = os.environ.get(HANG_VARIABLE, "")
    if not text:
        return _SECONDS_OF_A_HANG
    with suppress(ValueError):
        if 0 < (seconds := float(text)) < float("inf"):
            return seconds
    raise SettingsError(f"{HANG_VARIABLE} must be a number of seconds above 0; it is {text!r}")


class RankWatch:
    """Beats for this process, and looks after those of the others.

    Args:
        store: of the job; this object alone uses it.
        rank: of this process.
        size: how many there are.
        names: of each process, with its host.
    """

    def __init__(self, store: Store, rank: int, size: int, names: list[str]) -> None:
        self._store = BoundedStore(store, _SECONDS_TO_ANSWER)
        self._rank, self._size, self._names = rank, size, names
        self._hang_seconds = seconds_of_a_hang()
        self._is_over = threading.Event()
        self._num_beats = self._num_marks = 0
        self._num_announced = 0  # by rank 0, or waited for
        self._is_waiting, self._is_training = True, False
        self._seen: dict[int, tuple[str, float]] = {}  # what each rank counted last, and since when
        self._failed_since: float | None = None
        self._marked = 0, time.monotonic()
        self._thread = threading.Thread(target=self._run, name="rank-watch", daemon=True)
        self._beat()
        self._thread.start()

    @contextmanager
    def training(self) -> Iterator[None]:
        """While the block runs this process must come to its next batch in time."""
        before, self._is_training = self._is_training, True
        self._num_marks += 1
        try:
            yield
        finally:
            self._is_training = before
            self._num_marks += 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the block runs this process waits for others, however long that takes."""
        self._is_waiting = True
        try:
            yield
        finally:
            self._is_waiting = False
            self._num_marks += 1

    def fail(self, message: str) -> None:
        """Let the others know why this process ends."""
        with suppress(RuntimeError):
            self._store.compare_set("failure", "", f"{self._names[self._rank]}: {message}")

    def failure(self) -> str | None:
        """Why a process has failed, in its own words; None: none has said so."""
        with suppress(RuntimeError):
            if self._store.check("failure"):
                return self._store.get("failure")
        return None

    def may_speak(self) -> bool:
        """Whether this process is the first of its machine that has something to say of an end.

        Where the processes were not started by torchrun, each has a terminal of its own.
        """
        machine = os.environ.get("GROUP_RANK") or f"of {self._rank}"
        try:
            return self._store.add(f"said {machine}", 1) == 1
        except RuntimeError:
            return True

    def is_set(self, key: str) -> bool:
        """Whether a process has called `set`."""
        with suppress(RuntimeError):
            return self._store.check(key)
        return False

    def set(self, key: str) -> None:
        """Let the others know that this process has come to a certain point."""
        with suppress(RuntimeError):
            self._store.set(key, "")

    def wait_for(self, key: str) -> str | None:
        """Wait until a process has called `set`, or until one has failed or is lost.

        Returns:
            Why it is no use to wait any longer; None: the point has been reached.
        """
        while not self.is_set(key):
            reason = self.failure()
            if reason is not None:
                return reason
            lost = self._lost(0 if self._rank else None)
            if lost:
                return lost
            time.sleep(_SECONDS_BETWEEN_BEATS / 10)
        return None

    def announce(self) -> None:
        """Let the others know that this process, rank 0, has something for them now.

        Raises:
            DistributedError: the store of the job cannot be reached.
        """
        self._num_announced += 1
        try:
            self._store.set(f"announcement {self._num_announced}", "")
        except RuntimeError as error:
            raise DistributedError(f"the others cannot be told to go on: {error}") from error

    def wait_for_announcement(self) -> str | None:
        """Wait for the next thing that rank 0 announces; see `wait_for`."""
        self._num_announced += 1
        return self.wait_for(f"announcement {self._num_announced}")

    def reason_of_loss(self) -> str | None:
        """Who has ended, once the connection to the others is lost; None: that is not known."""
        deadline = time.monotonic() + _SECONDS_TO_FIND_WHO
        before = self._counts()
        while time.monotonic() < deadline:
            reason = self.failure()
            if reason is not None:
                return reason
            time.sleep(_SECONDS_BETWEEN_BEATS / 5)
        after = self._counts()
        silent = [
            self._names[rank]
            for rank, count in after.items()
            if rank != self._rank and count == before.get(rank)
        ]
        if not silent:
            return None
        return f"{' and '.join(silent)}: killed, or cut off, as nothing is heard any more"

    def end(self, *, is_well: bool = True) -> None:
        """Stop beating; the process that holds the store waits for the others a little.

        Args:
            is_well: False if this process ends with an error.
        """
        self._is_over.set()
        self.set(f"done {self._rank}")
        self._thread.join(_SECONDS_TO_NOTICE)
        faulthandler.cancel_dump_traceback_later()
        if self._holds_store:
            self._wait_for_others(_SECONDS_TO_PART if is_well else _SECONDS_TO_HEAR)
        self._store.close()

    @property
    def _holds_store(self) -> bool:
        """Whether the store goes with this process; otherwise torchrun holds it."""
        return self._rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"

    def _wait_for_others(self, seconds: float) -> None:
        """Wait until those that are alive have ended."""
        start = time.monotonic()
        counts = first = self._counts()
        while counts and (waited := time.monotonic() - start) < seconds:
            time.sleep(_SECONDS_BETWEEN_BEATS / 10)
            counts = self._counts()
            if waited > _SECONDS_TO_FIND_WHO:  # those that have not counted are dead
                counts = {r: count for r, count in counts.items() if count != first.get(r)}

    def _run(self) -> None:
        while not self._is_over.wait(_SECONDS_BETWEEN_BEATS):
            self._beat()
            lost = self._lost(None if self._rank == 0 else 0)
            if lost and not self._is_over.is_set():
                self.fail(lost)
                self._leave(lost)
            self._look_for_failure()
            self._look_for_hang()

    def _beat(self) -> None:
        self._num_beats += 1
        with suppress(RuntimeError):
            self._store.set(f"beat {self._rank}", str(self._num_beats))

    def _counts(self) -> dict[int, str]:
        """How far each process has counted; those that cannot be asked are missing."""
        counts = {}
        for rank in range(self._size):
            with suppress(RuntimeError):
                if self._store.check(f"done {rank}"):
                    continue
                if self._store.check(f"beat {rank}"):
                    counts[rank] = self._store.get(f"beat {rank}")
                else:
                    counts[rank] = ""
        return counts

    def _lost(self, of: int | None) -> str | None:
        """Who has not counted for too long: rank `of`, or any; None: nobody."""
        now = time.monotonic()
        for rank in range(self._size) if of is None else [of]:
            if rank == self._rank:
                continue
            count = self._seen.get(rank, ("", now))[0]
            with suppress(RuntimeError):
                if self._store.check(f"done {rank}"):
                    self._seen.pop(rank, None)
                    continue
                if self._store.check(f"beat {rank}"):
                    count = self._store.get(f"beat {rank}")
            before, since = self._seen.get(rank, (None, now))
            if count != before:
                self._seen[rank] = count, now
            elif now - since > _SECONDS_OF_SILENCE:
                return (
                    f"{self._names[rank]}: nothing is heard for {_SECONDS_OF_SILENCE:.0f} s; its "
                    "machine, its process or the network between stands still"
                )
        return None

    def _look_for_failure(self) -> None:
        """End a process that does not notice that another one has failed."""
        reason, now = self.failure(), time.monotonic()
        if reason is None:
            return
        if self._failed_since is None:
            self._failed_since = now
        elif now - self._failed_since > _SECONDS_TO_NOTICE and not self._is_over.is_set():
            self._leave(reason)

    def _look_for_hang(self) -> None:
        """End this process with its stack if it has not come to the next batch in time."""
        now = time.monotonic()
        is_free = self._is_waiting or not self._is_training
        if is_free or self._marked[0] != self._num_marks:
            self._marked = self._num_marks, now
        # Where this thread is not let run either, the timer writes the stack and ends the process.
        faulthandler.dump_traceback_later(self._hang_seconds + _SECONDS_OF_SILENCE / 4, exit=True)
        if now - self._marked[1] > self._hang_seconds:
            reason = f"has not come to its next batch in {self._hang_seconds:g} s, and is ended"
            self.fail(reason)
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"{self._names[self._rank]} hangs here:\n")
                sys.stderr.flush()
                faulthandler.dump_traceback(sys.stderr, all_threads=True)
            self._leave(f"{self._names[self._rank]}: {reason}")

    def _leave(self, message: str) -> None:
        """End the process, whose main thread may be where no exception reaches it."""
        if self.may_speak():
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"error: {escaped(message)}\n")
                sys.stderr.flush()
        self.set(f"done {self._rank}")
        if self._holds_store:  # or the others would not learn why
            self._wait_for_others(_SECONDS_TO_HEAR)
        os._exit(_FAILED)


def name_of_rank(rank: int, size: int) -> str:
    """What messages call a process of a job."""
    return f"rank {rank} of {size} on {socket.gethostname()}"


def store_of_watch(timeout_seconds: float = 10.0) -> Store:
    """A connection of its own to the job's store, which rank 0 or torchrun holds.

    Raises:
        RuntimeError: it cannot be reached.
    """
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return TCPStore(
        address, port, is_master=False, wait_for_workers=False,
        timeout=timedelta(seconds=timeout_seconds),
    )  # fmt: skip
