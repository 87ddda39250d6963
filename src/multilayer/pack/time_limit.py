"""How a pack keeps to a time: when it must end, and what fits until then."""

import math
import statistics
import time
from collections.abc import Callable, Sequence

from multilayer.engine.distributed import Stop
from multilayer.engine.specification import NetworkSpec
from multilayer.pack.pack_state import WavePlan
from multilayer.pack.wave import Wave

_LEAST_SHARE_OF_EPOCHS = 0.1  # with which another wave is worth its time, whatever was seen


class Deadline:
    """The end of the time that a whole command, or a whole fit, may take.

    Args:
        limit: seconds; None: there is no limit.
        began: when the time began, by `clock`; None: now.
        reserve: seconds that are left for what follows the training.
        clock: gives the seconds since some moment.
    """

    def __init__(
        self,
        limit: float | None,
        began: float | None = None,
        reserve: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit, self._reserve, self._clock = limit, reserve, clock
        self._began = clock() if began is None else began

    @property
    def seconds_spent(self) -> float:
        """Since it began."""
        return self._clock() - self._began

    @property
    def seconds_left(self) -> float | None:
        """To train in; None without a limit."""
        if self.limit is None:
            return None
        return self.limit - self._reserve - self.seconds_spent

    @property
    def is_over(self) -> bool:
        """Whether training must end now."""
        left = self.seconds_left
        return left is not None and left <= 0

    def spent(self, seconds: float) -> None:
        """Count the seconds that a run had taken when it was interrupted."""
        self._began -= seconds

    def as_stop(self, stop: Stop | None) -> Stop:
        """A stop that is set when the other one is, or when the time is over."""
        return _StopOrDeadline(stop, self)


class _StopOrDeadline:
    def __init__(self, stop: Stop | None, deadline: Deadline) -> None:
        self._stop, self._deadline = stop, deadline

    def is_set(self) -> bool:
        return (self._stop is not None and self._stop.is_set()) or self._deadline.is_over


class Pace:
    """How long waves take, for their size; measured on those that were trained."""

    def __init__(self, seconds_per_unit: float | None = None) -> None:
        self._seconds_per_unit = seconds_per_unit

    def note(self, seconds: float, wave: Wave) -> None:
        """Take in how long a wave took."""
        units = sum(
            draw.num_epochs * units_of(wave.spec, len(draw.best_epochs)) for draw in wave.ended
        )
        if units:
            self._seconds_per_unit = seconds / units

    def within(
        self,
        seconds: float,
        plan: WavePlan,
        spec: NetworkSpec,
        num_members: int,
        shares_needed: Sequence[float] = (),
    ) -> WavePlan | None:
        """The wave with as many draws and epochs as fit; None: too few would.

        Args:
            seconds: to train in.
            plan: with as many as there may be.
            spec: the networks' shape.
            num_members: networks of a draw.
            shares_needed: of each earlier draw, the share of its epochs after which it got no
                better. With fewer epochs than their median another draw is not worth its time.
        """
        if self._seconds_per_unit is None:
            return plan
        of_an_epoch = self._seconds_per_unit * units_of(spec, num_members)  # of a draw
        needed = statistics.median(shares_needed) if shares_needed else 1.0
        least = max(_LEAST_SHARE_OF_EPOCHS, needed) * plan.num_epochs
        for num_draws in range(plan.num_draws, 0, -1):
            num_epochs = seconds / (of_an_epoch * num_draws)
            if num_epochs >= plan.num_epochs:
                return WavePlan(plan.first_draw, num_draws, plan.num_epochs)
            if num_draws == 1 and num_epochs >= least:
                return WavePlan(plan.first_draw, 1, max(1, math.floor(num_epochs)))
        return None


def units_of(spec: NetworkSpec, num_members: int) -> float:
    """What an epoch costs, in units that grow with the number of products of a row."""
    of_embeddings = 4 * spec.num_embedding_values
    return num_members * (spec.num_parameters + of_embeddings + 20 * sum(spec.widths))
