"""The processes of a job find each other through a store that may have served earlier ones."""

import secrets
import time

from multilayer.engine.bounded_store import BoundedStore

_SECONDS_BETWEEN_LOOKS = 0.02


def meet(store: BoundedStore, rank: int, size: int, seconds: float) -> str:
    """Agree on a name for this meeting, under which nothing lies in the store.

    torchrun keeps a store when it starts a job again, and in it lies what processes said that have
    ended. Each process says a word of its own that no earlier one can know; rank 0 answers it with
    the name, until all have called it.

    Args:
        store: of the job.
        rank: of this process.
        size: how many there are.
        seconds: to wait for the others.

    Raises:
        TimeoutError: the message says which ranks are missing.
    """
    deadline = time.monotonic() + seconds
    if rank:
        return _answered(store, rank, deadline)
    name = secrets.token_hex(8)
    missing, answered = set(range(1, size)), dict[int, str]()
    while missing:
        for other in sorted(missing):
            key = f"word {other}"
            if store.check(key) and answered.get(other) != (word := store.get(key)):
                store.set(f"answer {other}", f"{word} {name}")
                answered[other] = word
            if store.check(f"{name} {other}"):
                missing.discard(other)
        _wait(deadline, f"rank {', '.join(map(str, sorted(missing)))} of {size}")
    return name


def _answered(store: BoundedStore, rank: int, deadline: float) -> str:
    word, key = secrets.token_hex(8), f"answer {rank}"
    store.set(f"word {rank}", word)
    while True:
        if store.check(key):
            heard, _, name = store.get(key).partition(" ")
            if heard == word:
                store.set(f"{name} {rank}", "")
                return name
        _wait(deadline, "rank 0")


def _wait(deadline: float, missing: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{missing} did not come")
    time.sleep(_SECONDS_BETWEEN_LOOKS)
