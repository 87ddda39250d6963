"""The data of a run in the processes that train together with rank 0, which prepares them."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from multilayer.engine.distributed import Ranks, Stop
from multilayer.engine.rank_task import RankTask
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.state import StateKeeper
from multilayer.engine.training import train
from multilayer.fit.fit import Fit
from multilayer.fit.refit import as_first_says, say_nothing, trained_until
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.sources import RunSource

if TYPE_CHECKING:
    from multilayer.fit.table_passes import Preparation


class ReceivedSource(RunSource):
    """What rank 0 sends; the user's data are not opened.

    Args:
        configuration: the run's arguments.

    Attributes:
        is_over: whether rank 0 has found nothing to do; set by `prepare`.
    """

    fit: "Fit"
    is_over = False

    def __init__(self, configuration: RunConfiguration) -> None:
        super().__init__(configuration)
        self.name = ""
        self._task: RankTask | None = None

    def prepare(self) -> "Iterator[Preparation]":
        """Wait until rank 0 has prepared the data, however long that takes, and receive them.

        Raises:
            OutputError: rows cannot be copied to this machine's disk.
            DistributedError: a rank has ended or cannot be reached.
        """
        ranks = Ranks.current()
        assert ranks is not None
        task = self._task = RankTask.receive(ranks)
        if task is None:
            self.is_over = True
        else:
            self.fit = ReceivedFit(task)
            self.settings, self.spec = task.members[0], task.network.spec
        return iter(())

    def description(self) -> dict[str, Any]:
        """Nothing: rank 0 writes the run folder."""
        return {}

    def close(self, *, is_finished: bool) -> None:
        """Remove a copy of the rows, or keep it for a run that is to go on."""
        if self._task is not None and self._task.shared is not None:
            self._task.shared.close(is_finished=is_finished)


class ReceivedFit(Fit):
    """A fit that rank 0 has prepared: it trains, and makes no model.

    Args:
        task: from rank 0.
    """

    def __init__(self, task: RankTask) -> None:
        self._task = task
        self.network, self.settings = task.network, task.members[0]
        self.history: list[dict[str, Any]] = []
        if task.state is not None:
            self.history[:] = map(history_line, task.state.history)

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Generator[EpochRecord, None, None]:
        """Train; see `Fit.epochs`."""
        task = self._task
        for record in train(
            task.network,
            task.examples,
            task.members,
            validation=task.validation,
            rows=task.rows,
            validation_rows=task.validation_rows,
            stop=stop,
            state=task.state,
            keeper=keeper,
        ):
            self.history.append(history_line(record))
            yield record
        if task.members[0].refit:
            self._share_in_the_second(stop)

    def _share_in_the_second(self, stop: Stop | None) -> None:
        """Train the second network of a `Refit` with rank 0, if there is to be one."""
        ranks = Ranks.current()
        assert ranks is not None
        task = RankTask.receive(ranks)
        if task is not None:
            trained_until(as_first_says(0, ranks), ReceivedFit(task), stop, say_nothing)
