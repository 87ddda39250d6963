"""Trials of one shape, trained together as a population."""

import math
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.rank_task import RankTask
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.state import TrainingState, fingerprint_of
from multilayer.engine.training_loop import Training
from multilayer.errors import TrainingDivergedError
from multilayer.experiments.tune.search_rows import RecipeRows
from multilayer.runs.shared_training import may_end_early, share


@dataclass(frozen=True)
class BestEpoch:
    """The epoch of a trial at which its loss on the watched rows was least.

    Attributes:
        loss: infinite before there was a finite one.
        accuracy: then; None where the targets are not classes.
        epoch: from 1; of equal ones the first.
    """

    loss: float = math.inf
    accuracy: float | None = None
    epoch: int = 0


class GroupTraining:
    """Trains members together, any of which can be dropped between two epochs.

    All members have the same seed, so that they begin alike and see the same batches: what differs
    between them is what their settings do.

    Args:
        rows: to learn from and to measure on.
        members: settings of each, of one shape.
        stop: when set, training ends after the current batch; that epoch is not counted.

    Attributes:
        best: of each member so far, those dropped included.
        going: numbers of the members that are trained.
        has_diverged: all of these did, and training ended with that.
    """

    def __init__(
        self, rows: RecipeRows, members: Sequence[TrainingSettings], stop: Stop | None = None
    ) -> None:
        self._rows, self._members, self._stop = rows, list(members), stop
        self.best = [BestEpoch()] * len(self._members)
        self.going = list(range(len(self._members)))
        self.has_diverged = False

    def epochs(self) -> Generator[int, None, None]:
        """Train; the number of each epoch, from 1, when it is over.

        Other processes of the job share in it; see `share_in_all`.
        """
        network, state = self._rows.network(self._members), None
        try:
            while True:
                trained = self.going
                task = self._task(network, state)
                share(lambda: task)  # noqa: B023 (called at once)
                training = Training(
                    network, task.examples, task.members, validation=task.validation,
                    stop=self._stop,
                )  # fmt: skip
                if state is not None:
                    training.restore(state)
                with closing(may_end_early(training.epochs())) as records:
                    for record in records:
                        if record.is_interrupted:
                            return
                        self._note(record)
                        yield record.epoch
                        if not self.going:
                            return
                        if self.going != trained:
                            network, state = self._rest(training, trained)
                            break
                    else:
                        return
        except TrainingDivergedError:
            self.has_diverged = True

    def drop(self, members: Collection[int]) -> None:
        """Train these no further than the epoch that has just been yielded."""
        self.going = [member for member in self.going if member not in members]

    def _task(self, network: Network, state: TrainingState | None = None) -> RankTask:
        members = [self._members[number] for number in self.going]
        return RankTask(network, self._rows.learned, members, self._rows.watched, state=state)

    def _rest(self, training: Training, trained: Sequence[int]) -> tuple[Network, TrainingState]:
        """A network for those that go on, and the state in which they are."""
        network = Network(self._rows.spec(self._members[0]), len(self.going))
        task = self._task(network)
        fingerprint = fingerprint_of(network, task.members, task.examples, task.validation)
        places = [trained.index(number) for number in self.going]
        return network, training.state().of_members(places, fingerprint)

    def _note(self, record: EpochRecord) -> None:
        assert record.validation is not None
        accuracies = record.validation.accuracy or [None] * len(self.going)
        for number, loss, accuracy in zip(
            self.going, record.validation.loss, accuracies, strict=True
        ):
            if math.isfinite(loss) and loss < self.best[number].loss:
                self.best[number] = BestEpoch(loss, accuracy, record.epoch)
