"""Memory that calls use one at a time, so that any number of threads may call at once."""

from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Kept for later calls; where more threads than this call at once, the others make their own anew.
_MOST_KEPT = 8


class Spares(Generic[T]):
    """Buffers that nobody uses at the moment.

    A call takes one, or makes one if there is none, and gives it back at its end, so that no two
    calls ever write into the same memory. After an error nothing need be given back.

    A copy, by `copy` or `pickle`, starts empty.
    """

    def __init__(self) -> None:
        self._free: list[T] = []

    def take(self) -> T | None:
        """A buffer of an earlier call; None if all are in use."""
        try:
            return self._free.pop()  # one step for the interpreter: no lock is needed
        except IndexError:
            return None

    def give_back(self, spare: T) -> None:
        """Keep a buffer for a later call."""
        if len(self._free) < _MOST_KEPT:
            self._free.append(spare)

    def __reduce__(self) -> tuple[Any, ...]:
        return Spares, ()
