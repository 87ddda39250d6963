"""How long a search may take."""

import time
from dataclasses import dataclass

from multilayer.engine.distributed import Stop
from multilayer.errors import SettingsError
from multilayer.stopwatch import seconds_in_units

DEFAULT_SECONDS = 600.0


@dataclass(frozen=True)
class Budget:
    """When a search is over: whichever comes first.

    Args:
        seconds: that this process searches; None: any number.
        num_trials: of the study in all, those of earlier and of other processes too; None: any
            number.

    Raises:
        SettingsError: one is not above 0.
    """

    seconds: float | None = None
    num_trials: int | None = None

    def __post_init__(self) -> None:
        if self.num_trials is not None and self.num_trials < 1:
            raise SettingsError(f"trials must be at least 1, not {self.num_trials}")
        if self.seconds is not None and not self.seconds > 0:
            raise SettingsError(f"time must be above 0 seconds; it is {self.seconds:g}")


def read_seconds(text: str) -> float:
    """A time span as a person writes it: 90s, 10m, 1h30m.

    Raises:
        SettingsError: it is none.
    """
    seconds = seconds_in_units(text)
    if seconds is None:
        raise SettingsError(f"time must be written as 90s, 10m or 1h30m; it is {text!r}")
    return seconds


class Clock:
    """Measures a search against its budget; it is a `Stop` of training, too.

    Args:
        seconds: None: any number.
        stop: set when a person wishes it.
    """

    def __init__(self, seconds: float | None, stop: Stop | None) -> None:
        self._began, self._seconds, self._stop = time.monotonic(), seconds, stop

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.monotonic() - self._began

    @property
    def seconds_left(self) -> float | None:
        """None: any number."""
        return None if self._seconds is None else max(0.0, self._seconds - self.seconds)

    @property
    def is_stopped(self) -> bool:
        """Whether a person wishes it to end."""
        return self._stop is not None and self._stop.is_set()

    def is_set(self) -> bool:
        """Whether training is to end."""
        return self.is_stopped or self.seconds_left == 0
