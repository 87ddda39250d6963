"""Print the progress of a fit."""

import sys
import time
from collections.abc import Mapping
from typing import Any

_SECONDS_BETWEEN_LINES = 1.0


class Progress:
    """Prints the first and the last epoch, and at most one a second between them.

    Args:
        num_epochs: that are planned.
    """

    def __init__(self, num_epochs: int) -> None:
        self._num_epochs = num_epochs
        self._began = time.monotonic()
        self._next_line_at = self._began

    def show(self, epoch: int, line: Mapping[str, Any]) -> None:
        """Print an epoch, if it is time to.

        Args:
            epoch: from 1.
            line: of the history.
        """
        now = time.monotonic()
        if now < self._next_line_at and epoch < self._num_epochs:
            return
        self._next_line_at = now + _SECONDS_BETWEEN_LINES
        scores = [
            f"{name.replace('_', ' ')} {line[name]:.4f}"
            for name in ("train_loss", "validation_loss", "validation_accuracy")
            if name in line
        ]
        left = (now - self._began) / epoch * (self._num_epochs - epoch)
        print(
            f"epoch {epoch} of {self._num_epochs}: {', '.join(scores)}, {in_words(left)} left",
            file=sys.stdout,
            flush=True,
        )


def in_words(seconds: float) -> str:
    """A time span: 3 s, 2 min 5 s, 1 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
