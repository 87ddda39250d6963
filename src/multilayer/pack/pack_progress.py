"""Where the training of a pack is."""

from dataclasses import dataclass

from multilayer.pack.pack_document import change_in_words
from multilayer.stopwatch import in_words


@dataclass(frozen=True)
class PackProgress:
    """Where a pack is after an epoch of the draws in training.

    Attributes:
        draws: those in training, by their numbers from 1.
        num_draws: that there may be at most.
        epoch: of these draws, from 1.
        num_epochs: of these draws, at most.
        loss: of the mixture so far, on held-out rows; None before it is first known.
        loss_before: of the mixture before these draws; None if they are the first.
        networks_loss: of the networks in training, on held-out rows, their mean.
        is_calibrated: whether that loss is after calibration, as the mixture's is.
        seconds_left: of the time limit, to train in; None without one.
        is_look: whether the mixture was just found anew, as it is eight times for each group of
            draws.
    """

    draws: tuple[int, ...]
    num_draws: int
    epoch: int
    num_epochs: int
    loss: float | None
    loss_before: float | None
    networks_loss: float
    is_calibrated: bool
    seconds_left: float | None
    is_look: bool

    def in_words(self) -> str:
        """All that in one line."""
        networks = f"networks {self.networks_loss:.4f}"
        if not self.is_calibrated:
            networks += " uncalibrated"
        mixture = ""
        if self.loss is not None:
            change = self._change_in_words()
            mixture = f"mixture {self.loss:.4f}{f' ({change})' if change else ''}, "
        left = self._left_in_words()
        return f"{self._place_in_words()}: held-out loss: {mixture}{networks}{left}"

    def place_in_words(self) -> str:
        """The same without the losses, for those who see their curves."""
        change = self._change_in_words()
        words = f"{self._place_in_words()}{self._left_in_words()}"
        return f"{words}; mixture {change}" if change else words

    def _place_in_words(self) -> str:
        word = "draw" if len(self.draws) == 1 else "draws"
        place = f"{word} {', '.join(map(str, self.draws))} of {self.num_draws}"
        return f"{place}, epoch {self.epoch} of {self.num_epochs}"

    def _change_in_words(self) -> str:
        change = change_in_words(self.loss_before, self.loss)
        return f"{change} with them" if change else ""

    def _left_in_words(self) -> str:
        left = self.seconds_left
        return "" if left is None else f", {in_words(max(0.0, left))} left"
