"""A stopwatch that remembers its laps."""

import itertools
import time


class Timer:
    """Measures times in seconds; it runs from the moment it is made.

    Examples:
        >>> import multilayer as d2l
        >>> timer = d2l.Timer()
        >>> timer.stop() >= 0
        True
        >>> len(timer.times), timer.sum() == timer.cumsum()[-1]
        (1, True)
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin a lap."""
        self._started = time.perf_counter()

    def stop(self) -> float:
        """End the lap, remember its seconds in `times` and return them."""
        self.times.append(time.perf_counter() - self._started)
        return self.times[-1]

    def avg(self) -> float:
        """Return the mean of the laps, at least one."""
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Return the sum of the laps."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Return the sum of the laps up to each one, itself included."""
        return list(itertools.accumulate(self.times))
