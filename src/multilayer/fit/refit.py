"""Fit one network, and then a second one on all rows, those held out from the first included.

The held-out rows choose the first network's epoch, calibrate and score; then they are learned from
as well, and the answers of the two networks are averaged. Scores, temperature and intervals stay
those of the first network, as no row is left that the second has not seen: they are a little too
modest. What it brings on twelve tables stands in benchmarks/results/2026-11-29-refit.md.
"""

import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.batches import Examples
from multilayer.engine.distributed import Ranks, Stop
from multilayer.engine.network import Network
from multilayer.engine.rank_task import send_nothing
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import SEED_STEP
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.target_statistics import without_versions
from multilayer.errors import DataWarning, TrainingDivergedError
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import PreparedData
from multilayer.fit.split import Split
from multilayer.fit.statistic_parts import encoded_with_versions
from multilayer.model.model import Model
from multilayer.model.model_file import check_saveable


class Refit(Fit):
    """Fits a network and a second one on all rows, in memory; see `Fit`.

    Training that was interrupted while the second network was trained goes on with the beginning
    of the second, and ends with the same bits.

    Args:
        data: from `prepare`, with `refit` in its settings.

    Attributes:
        second: the second network, trained by `epochs` after the first; None: not yet, or the
            training was interrupted, or diverged.
        second_seconds: that its training took.
        on_second: called when its training begins and after each of its epochs, with the number of
            epochs done and of all.
    """

    def __init__(self, data: PreparedData) -> None:
        super().__init__(data)
        self.second: Network | None = None
        self.second_seconds = 0.0
        self.on_second: Callable[[int, int], None] = say_nothing

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Generator[EpochRecord, None, None]:
        """Train; see `Fit`. The records are those of the first network."""
        last = None if keeper is None else _LastState(keeper, self._may_end_now)
        yield from super().epochs(stop, last)
        ranks = Ranks.current()
        if not self._is_first_whole or (stop is not None and stop.is_set()):
            if ranks is not None:
                send_nothing(ranks)
            return
        began = time.perf_counter()
        second, num_epochs = Fit(_of_all_rows(self.data)), self.num_second_epochs
        if ranks is not None:
            second.task().send(ranks)
            num_epochs = as_first_says(num_epochs, ranks)
        if trained_until(num_epochs, second, stop, self.on_second):
            self.second = without_versions(second.network)
        self.second_seconds = time.perf_counter() - began
        if self.second is None and last is not None and stop is not None and stop.is_set():
            last.keep_again()

    def model(self) -> Model:
        """Both networks, calibrated by the first, or the first alone; see `Fit`."""
        model = super().model()
        if self.second is None:
            return model
        return replace(model, network=_together(model.leading, self.second))

    def model_members(self) -> list[int]:
        """See `Fit`; the second network is number 1."""
        return super().model_members() + ([] if self.second is None else [1])

    def held_out_answers(self, model: Model) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
        """Those of the first network, which has not learned from these rows; see `Fit`."""
        return super().held_out_answers(replace(model, network=model.leading.member(0)))

    def members_holding_out(self, numbers: Sequence[int]) -> list[int]:
        """The first network, for each of these rows."""
        return [0] * len(numbers)

    def check_saveable(self, path: str | Path) -> None:
        """See `Fit`."""
        check_saveable(self._plain_model(_together(self.network, self.network)), path)

    @property
    def _is_first_whole(self) -> bool:
        """Whether the first network has learned as long as it should."""
        last = self.history[-1] if self.history else {"epoch": 0}
        is_over = last["epoch"] == self.settings.max_epochs or bool(self.settings.patience)
        return is_over and not last.get("is_interrupted")

    def _may_end_now(self) -> bool:
        """Whether the epoch that is over, and not yet in the history, may be the first's last."""
        return len(self.history) + 1 >= self.settings.max_epochs or bool(self.settings.patience)

    @property
    def num_second_epochs(self) -> int:
        """For how long the second network learns: until the epoch that the first one kept."""
        (best,) = self.history[-1].get("best_epochs") or (0,)
        return best or int(self.history[-1]["epoch"])


def as_first_says(number: int, ranks: Ranks) -> int:
    """What rank 0 gives as this number, for all ranks."""
    told = torch.tensor([number], device=ranks.device)
    ranks.copy_from_first(told)
    return int(told.item())


def trained_until(
    num_epochs: int, fit: Fit, stop: Stop | None, on_epoch: Callable[[int, int], None]
) -> bool:
    """Train for fewer epochs than the schedule is made for.

    Args:
        num_epochs: at most `max_epochs`.
        fit: whose network then holds what that epoch ended with.
        stop: when set, training ends after the current batch.
        on_epoch: see `Refit.on_second`.

    Returns:
        Whether it came so far. It is not if it was stopped, or diverged, which is warned of.
    """
    is_whole = False
    on_epoch(0, num_epochs)
    try:
        with closing(fit.epochs(stop)) as records:  # closed, it has the average of its weights
            for record in records:
                on_epoch(record.epoch, num_epochs)
                if record.epoch == num_epochs:
                    is_whole = not record.is_interrupted
                    break
    except TrainingDivergedError:
        warnings.warn(
            "the second network, on all rows (refit), diverged and is left out of the model; try a "
            "smaller learning rate",
            DataWarning,
            stacklevel=3,
        )
    return is_whole


class _LastState:
    """Passes states on to a keeper, and remembers the one after the last epoch.

    Args:
        keeper: decides when a state is kept, and keeps it.
        may_be_last: whether the epoch that is just over may be the last.
    """

    def __init__(self, keeper: StateKeeper, may_be_last: Callable[[], bool]) -> None:
        self._keeper, self._may_be_last = keeper, may_be_last
        self._is_only_remembered = False
        self._state: TrainingState | None = None

    def is_due(self, *, is_epoch_over: bool) -> bool:
        """See `StateKeeper`."""
        is_due = self._keeper.is_due(is_epoch_over=is_epoch_over)
        self._is_only_remembered = is_epoch_over and not is_due and self._may_be_last()
        return is_due or self._is_only_remembered

    def keep(self, state: TrainingState) -> None:
        """See `StateKeeper`."""
        self._state, is_only_remembered = state, self._is_only_remembered
        self._is_only_remembered = False
        if not is_only_remembered:
            self._keeper.keep(state)

    def keep_again(self) -> None:
        """Keep the state after the last epoch, from which the second network is begun again."""
        if self._state is not None:
            self._keeper.keep(self._state)


def second_in_words(num_done: int, num_epochs: int) -> str:
    """How far the second network is."""
    if not num_done:
        count = "1 epoch" if num_epochs == 1 else f"{num_epochs} epochs"
        return f"second network, on all rows: {count}"
    return f"second network, on all rows: epoch {num_done} of {num_epochs}"


def say_nothing(num_done: int, num_epochs: int) -> None:
    """Where nobody watches the second network; see `Refit.on_second`."""


def _together(first: Network, second: Network) -> Network:
    return Network.of(first.spec, torch.cat([first.parameters, second.parameters]))


def _of_all_rows(data: PreparedData) -> PreparedData:
    """The same data with no row held out, for another network."""
    assert data.rows is not None and isinstance(data.examples, Examples)
    settings = replace(
        data.settings, seed=data.settings.seed + SEED_STEP, selection="last", patience=0,
        validation_fraction=0.0, refit=False,
    )  # fmt: skip
    split = Split((np.arange(len(data.examples)),), None)
    examples = data.examples
    if settings.category_statistics:
        examples = encoded_with_versions(
            examples, data.encoder.category_sizes, split, settings.seed, data.rows.groups
        )
    return replace(
        data, settings=settings, examples=examples, split=split, held_out=None, num_held_out=None
    )
