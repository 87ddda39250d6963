"""Train some draws of one shape together, of which some may end before the others."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.target_statistics import statistic_tables
from multilayer.engine.training_loop import Training
from multilayer.errors import TrainingDivergedError
from multilayer.fit.prepare import PreparedData
from multilayer.pack.draw import Draw, DrawEnd
from multilayer.pack.held_out_predictions import HeldOutPredictions
from multilayer.recipes.draws import seed_of_member

NUM_LOOKS = 8  # at draws in an epoch's eighths, when they may be told to end


@dataclass
class GoingDraw:
    """A draw that is being trained.

    Attributes:
        number: from 0, of the pack.
        settings: of its networks, but for their seeds.
        least: of each network the least held-out loss so far.
        least_epochs: when they were last made less.
        best_epochs: of each network the epoch that is kept so far; 0 if none is.
        curve: see `Draw.curve`.
    """

    number: int
    settings: TrainingSettings
    least: list[float]
    least_epochs: list[int]
    best_epochs: list[int]
    curve: list[float] = field(default_factory=list)

    @classmethod
    def begun(cls, number: int, settings: TrainingSettings, num_members: int) -> "GoingDraw":
        """A draw before its first epoch."""
        none = [0] * num_members
        return cls(number, settings, [math.inf] * num_members, list(none), list(none))

    def note(self, losses: Sequence[float], epoch: int) -> None:
        """Take in the held-out loss of each network after an epoch."""
        for member, loss in enumerate(losses):
            if loss < self.least[member]:
                self.least[member], self.least_epochs[member] = loss, epoch

    @property
    def mean_least(self) -> float:
        """The least held-out loss so far, the mean over the networks."""
        return math.fsum(self.least) / len(self.least)


class Wave:
    """Draws of one shape as one population, each with a network for each set of held-out rows.

    Args:
        data: of the pack.
        held_out: what predictions are made for.
        going: the draws to train; all may differ in `SETTINGS_OF_A_MEMBER` alone.
        num_epochs: of each, at most.
        spec: their shape.

    Attributes:
        going: those that are still trained.
        ended: the others, in the order in which they ended.
        error: that of the training, if all networks diverged; None: they did not.
    """

    def __init__(
        self,
        data: PreparedData,
        held_out: HeldOutPredictions,
        going: Sequence[GoingDraw],
        num_epochs: int,
        spec: NetworkSpec,
    ) -> None:
        self._data, self._held_out = data, held_out
        self._num_members = data.num_networks
        self.going, self.ended = list(going), list[Draw]()
        self.num_epochs, self.spec = num_epochs, spec
        self.error: TrainingDivergedError | None = None
        self._training: Training | None = None

    @property
    def has_begun(self) -> bool:
        """Whether an epoch was trained."""
        return self._training is not None and any(map(any, (d.least_epochs for d in self.going)))

    @property
    def kept(self) -> Network:
        """The networks of the draws that are still trained, as they would be kept now."""
        assert self._training is not None
        return self._training.kept

    def going_as_ended(self, num_epochs: int, end: DrawEnd) -> list[Draw]:
        """The draws that are still trained, as if they ended now."""
        kept = self.kept.parameters.detach().to("cpu", copy=True)
        return [self._as_ended(kept, place, num_epochs, end) for place in range(len(self.going))]

    def epochs(
        self,
        stop: Stop | None,
        keeper: StateKeeper | None,
        state: TrainingState | None,
        leaving: Callable[[int], dict[int, DrawEnd]],
    ) -> Generator[EpochRecord, None, None]:
        """Train to the end; then all draws are in `ended`.

        Args:
            stop: when set, training ends after the current batch.
            keeper: receives the state whenever a checkpoint is due.
            state: to go on from; None: the beginning.
            leaving: asked after each epoch but the last, with its number: the places in `going`
                of the draws that end now, and why.
        """
        self._training = self._training_of(self._first_network(), stop, keeper)
        if state is not None:
            self._training.restore(state)
        epoch = 0 if state is None else state.epoch - 1
        is_between = state is not None and not state.num_batches_done
        training: Training | None = self._training
        is_stopped = False
        if is_between and 0 < epoch < self.num_epochs and (ends := leaving(epoch)):
            training = self._rest(self._training, ends, epoch, stop, keeper)
        try:
            while training is not None:
                self._training, rest = training, None
                with closing(training.epochs()) as records:
                    for record in records:
                        epoch = record.epoch
                        yield record
                        is_stopped = record.is_interrupted or (stop is not None and stop.is_set())
                        if is_stopped or epoch == self.num_epochs:
                            continue
                        if ends := leaving(epoch):
                            rest = self._rest(training, ends, epoch, stop, keeper)
                            break
                training = rest
        except TrainingDivergedError as error:
            self.error = error
            self._take_out(dict.fromkeys(range(len(self.going)), "diverged"), epoch)
        end: DrawEnd = "stopped" if is_stopped else "no better"  # so patience ends it
        end = "finished" if epoch >= self.num_epochs else end
        self._take_out(dict.fromkeys(range(len(self.going)), end), epoch)

    def note(self, record: EpochRecord) -> None:
        """Take in an epoch; whoever holds the records calls it once for each, before the next."""
        assert record.validation is not None
        selection = self.going[0].settings.selection
        name = "calibrated_loss" if selection == "calibrated_loss" else "loss"
        losses: tuple[float, ...] = getattr(record.validation, name)
        is_look = record.epoch in looks_of(self.num_epochs)
        best = record.best_epoch or (record.epoch,) * len(losses)
        for place, draw in enumerate(self.going):
            own = slice(place * self._num_members, (place + 1) * self._num_members)
            draw.note(losses[own], record.epoch)
            draw.best_epochs = list(best[own])
            if is_look and not record.is_interrupted:
                draw.curve.append(draw.mean_least)

    def _take_out(self, ends: Mapping[int, DrawEnd], num_epochs: int) -> list[int]:
        """Move draws from `going` to `ended`; the members that are left, by their numbers."""
        kept = self.kept.parameters.detach().to("cpu", copy=True)
        self.ended += [self._as_ended(kept, place, num_epochs, ends[place]) for place in ends]
        left = [place for place in range(len(self.going)) if place not in ends]
        self.going = [self.going[place] for place in left]
        size = self._num_members
        return [place * size + member for place in left for member in range(size)]

    def _as_ended(self, kept: Tensor, place: int, num_epochs: int, end: DrawEnd) -> Draw:
        going = self.going[place]
        own = kept[place * self._num_members :][: self._num_members].clone()
        has_diverged = not bool(own.isfinite().all()) or not all(map(math.isfinite, going.least))
        return Draw(
            going.number, going.settings, self.spec, own, tuple(going.best_epochs), num_epochs,
            tuple(going.curve), "diverged" if has_diverged else end, self._held_out,
        )  # fmt: skip

    def _rest(
        self,
        training: Training,
        ends: Mapping[int, DrawEnd],
        epoch: int,
        stop: Stop | None,
        keeper: StateKeeper | None,
    ) -> Training | None:
        """The training of the draws that do not end now, where that of all is; None: all end."""
        members = self._take_out(ends, epoch)
        if not members:
            return None
        rest = self._training_of(Network(self.spec, len(members)), stop, keeper)
        rest.restore(training.state().of_members(members, rest.fingerprint))
        return rest

    def _training_of(
        self, network: Network, stop: Stop | None, keeper: StateKeeper | None
    ) -> Training:
        data, held_out = self._data, self._data.held_out
        assert held_out is not None
        rows, validation_rows = data.row_numbers(), held_out.row_tensors()
        return Training(
            network,
            data.learned(),
            self._members(),
            validation=held_out.examples,
            rows=None if rows is None else rows * len(self.going),
            validation_rows=None if validation_rows is None else validation_rows * len(self.going),
            stop=stop,
            keeper=keeper,
        )

    def _members(self) -> list[TrainingSettings]:
        return [
            replace(
                draw.settings,
                seed=seed_of_member(draw.settings, draw.number, member, self._num_members),
            )
            for draw in self.going
            for member in range(self._num_members)
        ]

    def _first_network(self) -> Network:
        examples, split, num_draws = self._data.examples, self._data.split, len(self.going)
        if not isinstance(examples, Examples) or split is None:
            assert self._data.sample is not None
            sample = torch.from_numpy(self._data.sample)
            return Network.for_training(self.spec, self._members(), sample)
        rows = [torch.from_numpy(rows) for rows in split.train]
        statistics = statistic_tables(self.spec, examples, rows)
        return Network.for_training(
            self.spec, self._members(), examples.inputs, rows * num_draws,
            statistics=None if statistics is None else statistics.repeat(num_draws, 1, 1),
        )  # fmt: skip


def looks_of(num_epochs: int) -> list[int]:
    """The epochs after which draws are looked at, at most `NUM_LOOKS`, the last included."""
    return sorted(
        {max(1, round(num_epochs * look / NUM_LOOKS)) for look in range(1, NUM_LOOKS + 1)}
    )
