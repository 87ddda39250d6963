"""Print the progress of a fit."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from multilayer.fit.fit import Fit
from multilayer.fit.refit import Refit, second_in_words
from multilayer.model.model import Model
from multilayer.pack.pack_document import pack_in_words
from multilayer.pack.pack_fit import PackFit
from multilayer.pack.pack_plan import plan_in_words
from multilayer.stopwatch import in_words

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

    def show_second(self, num_done: int, num_epochs: int) -> None:
        """Print how far the second network is, if it is time to; see `Refit.on_second`."""
        now = time.monotonic()
        if now >= self._next_line_at or num_done in (0, num_epochs):
            self._next_line_at = now + _SECONDS_BETWEEN_LINES
            print(second_in_words(num_done, num_epochs), flush=True)

    @staticmethod
    def of(fit: Fit) -> "Progress":
        """That of a fit."""
        if isinstance(fit, PackFit):
            return _OfPack(fit)
        progress = Progress(fit.settings.max_epochs)
        if isinstance(fit, Refit):
            fit.on_second = progress.show_second
        return progress

    def end(self, model: Model) -> None:
        """Print what is known in the end, if that is more than the last epoch said."""

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


class _OfPack(Progress):
    """Prints the plan of a pack, its mixture each time it is found anew, and how it ended."""

    def __init__(self, fit: PackFit) -> None:
        super().__init__(fit.settings.max_epochs)
        self._fit = fit
        plan = plan_in_words(fit.settings, is_of_images=False)
        print(*plan, *filter(None, [fit.plan]), sep="\n", flush=True)

    def show(self, epoch: int, line: Mapping[str, Any]) -> None:  # noqa: ARG002 (as of others)
        """Print where the pack is, if it is time to."""
        progress, now = self._fit.progress, time.monotonic()
        if progress.is_look or now >= self._next_line_at:
            self._next_line_at = now + _SECONDS_BETWEEN_LINES
            print(progress.in_words(), flush=True)

    def end(self, model: Model) -> None:
        """Print how the pack ended, and how good its mixture is."""
        if pack := model.details.get("pack"):
            print(*pack_in_words(pack), sep="\n", flush=True)
