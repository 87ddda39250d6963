"""The state of a pack's training: its draws so far, and the state of the population in training.

It is a `TrainingState` with one part more, `pack`, so that it is kept and found as any other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.errors import CheckpointError
from multilayer.pack.draw import DRAW_ENDS, Draw
from multilayer.pack.wave import GoingDraw

_PART = "pack"


@dataclass(frozen=True)
class WavePlan:
    """What a wave trains.

    Attributes:
        first_draw: the number of its first draw.
        num_draws: how many.
        num_epochs: of each, at most.
    """

    first_draw: int
    num_draws: int
    num_epochs: int


@dataclass(frozen=True, eq=False)
class PackState:
    """Where a pack is, beside the population in training.

    Attributes:
        waves: all so far, that in training the last.
        seconds: that training has taken so far.
        num_epochs_before: epochs of all earlier waves.
        losses: of the mixture after each earlier wave.
        ended: draws by number: parameters, and their history as numbers, see `_entry`.
        going: of the draws in training, their history so far.
    """

    waves: tuple[WavePlan, ...]
    seconds: float
    num_epochs_before: int
    losses: tuple[float, ...]
    ended: Mapping[int, Mapping[str, Tensor]]
    going: Mapping[int, Mapping[str, Tensor]]

    @classmethod
    def of(
        cls,
        waves: Sequence[WavePlan],
        seconds: float,
        num_epochs_before: int,
        losses: Sequence[float],
        ended: Sequence[Draw],
        going: Sequence[GoingDraw],
    ) -> "PackState":
        """From the draws themselves."""
        return cls(
            tuple(waves),
            seconds,
            num_epochs_before,
            tuple(losses),
            {draw.number: _entry(draw) for draw in ended},
            {draw.number: _entry_of_going(draw) for draw in going},
        )

    def going_draws(self, settings_of: Callable[[int], TrainingSettings]) -> list[GoingDraw]:
        """The draws in training; the settings are found by number."""
        return [
            GoingDraw(
                number,
                settings_of(number),
                entry["least"].tolist(),
                entry["least_epochs"].tolist(),
                entry["best_epochs"].tolist(),
                entry["curve"].tolist(),
            )
            for number, entry in sorted(self.going.items())
        ]

    def tensors(self) -> dict[str, Tensor]:
        """As a part of a training's state."""
        plans = [(plan.first_draw, plan.num_draws, plan.num_epochs) for plan in self.waves]
        return {
            "waves": torch.tensor(plans),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
            "num_epochs_before": torch.tensor(self.num_epochs_before),
            "losses": torch.tensor(self.losses, dtype=torch.float64),
            **_flat("ended", self.ended),
            **_flat("going", self.going),
        }

    @classmethod
    def read(cls, state: TrainingState) -> "PackState":
        """From a training's state.

        Raises:
            CheckpointError: it is not that of a pack, or not whole.
        """
        try:
            tensors = state.parts[_PART]
            return cls(
                tuple(WavePlan(*plan) for plan in tensors["waves"].tolist()),
                float(tensors["seconds"]),
                int(tensors["num_epochs_before"]),
                tuple(tensors["losses"].tolist()),
                _nested("ended", tensors),
                _nested("going", tensors),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the state of the pack is not whole: {error}") from error

    def of_wave(self, state: TrainingState) -> TrainingState:
        """The state of the population in training alone."""
        parts = {name: part for name, part in state.parts.items() if name != _PART}
        return replace(state, epoch=state.epoch - self.num_epochs_before, history=(), parts=parts)


class PackKeeper:
    """Keeps the state of a pack whenever that of the population in training is kept.

    Args:
        keeper: decides when, and keeps it.
        moment: of the pack beside that population, whose state it is given, with the history of all
            epochs so far.
    """

    def __init__(
        self,
        keeper: StateKeeper,
        moment: Callable[[TrainingState], tuple[PackState, Sequence[EpochRecord]]],
    ) -> None:
        self._keeper, self._moment = keeper, moment

    def is_due(self, *, is_epoch_over: bool) -> bool:
        """See `StateKeeper`."""
        return self._keeper.is_due(is_epoch_over=is_epoch_over)

    def keep(self, state: TrainingState) -> None:
        """See `StateKeeper`."""
        pack, history = self._moment(state)
        self._keeper.keep(
            replace(
                state,
                epoch=pack.num_epochs_before + state.epoch,
                history=tuple(history),
                parts={**state.parts, _PART: pack.tensors()},
            )
        )


def draw_of(
    entry: Mapping[str, Tensor], make: Callable[..., Draw], settings: TrainingSettings
) -> Draw:
    """A draw from what was kept of it.

    Args:
        entry: of `PackState.ended`.
        make: a draw, from the fields of `Draw` that are kept.
        settings: of the draw.
    """
    return make(
        settings=settings,
        parameters=entry["parameters"],
        best_epochs=tuple(entry["best_epochs"].tolist()),
        num_epochs=int(entry["num_epochs"]),
        curve=tuple(entry["curve"].tolist()),
        end=DRAW_ENDS[int(entry["end"])],
    )


def _entry(draw: Draw) -> dict[str, Tensor]:
    return {
        "parameters": draw.parameters,
        "best_epochs": torch.tensor(draw.best_epochs),
        "num_epochs": torch.tensor(draw.num_epochs),
        "curve": torch.tensor(draw.curve, dtype=torch.float64),
        "end": torch.tensor(DRAW_ENDS.index(draw.end)),
    }


def _entry_of_going(draw: GoingDraw) -> dict[str, Tensor]:
    return {
        "least": torch.tensor(draw.least, dtype=torch.float64),
        "least_epochs": torch.tensor(draw.least_epochs),
        "best_epochs": torch.tensor(draw.best_epochs),
        "curve": torch.tensor(draw.curve, dtype=torch.float64),
    }


def _flat(name: str, entries: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {
        f"{name}.{number}.{key}": tensor
        for number, entry in entries.items()
        for key, tensor in entry.items()
    }


def _nested(name: str, tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    entries: dict[int, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        kind, _, rest = full.partition(".")
        if kind == name:
            number, _, key = rest.partition(".")
            entries.setdefault(int(number), {})[key] = tensor
    return entries
