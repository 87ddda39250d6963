"""Losses by epochs in bounded memory, however long somebody plays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_POINTS = 512


class Curves:
    """Losses after epochs; where they would be too many, every second one goes.

    Args:
        num_members: networks whose losses are kept.

    Attributes:
        every: epochs between two points.
    """

    def __init__(self, num_members: int) -> None:
        self._rows = np.empty((_MOST_POINTS, 3, num_members), np.float32)
        self._num_rows = self._num_epochs = 0
        self.every = 1
        self.last: NDArray[np.float32] = np.full((3, num_members), np.nan, np.float32)

    def add(
        self,
        train: Sequence[float],
        held_out: Sequence[float],
        accuracy: Sequence[float] | None,
    ) -> None:
        """Note an epoch: losses of each member, and its accuracy on the held-out rows."""
        with np.errstate(over="ignore"):
            self.last = np.array(
                [train, held_out, [np.nan] * len(train) if accuracy is None else accuracy],
                np.float64,
            ).astype(np.float32)
        if self._num_epochs % self.every == 0:
            if self._num_rows == _MOST_POINTS:
                self._rows[: _MOST_POINTS // 2] = self._rows[::2].copy()
                self._num_rows //= 2
                self.every *= 2
            if self._num_epochs % self.every == 0:
                self._rows[self._num_rows] = self.last
                self._num_rows += 1
        self._num_epochs += 1

    @property
    def points(self) -> NDArray[np.float32]:
        """Lowest, middle and highest of the members, (points, 2, 3): training, held-out.

        Members whose loss is not a number are left out; where all are, it is NaN. Training losses
        are NaN at the first point, which is before the first epoch.
        """
        rows = np.sort(self._rows[: self._num_rows, :2], 2)  # NaN come last
        last = np.maximum(np.count_nonzero(~np.isnan(rows), 2, keepdims=True) - 1, 0)
        return np.concatenate(
            [np.take_along_axis(rows, n, 2) for n in (0 * last, last // 2, last)], 2
        )
