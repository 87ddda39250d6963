"""Trainings that rank 0 begins, and in which the other ranks of its job share."""

from collections.abc import Callable, Generator
from contextlib import closing, suppress

import torch

from multilayer.engine.distributed import Ranks
from multilayer.engine.rank_task import RankTask, send_nothing
from multilayer.engine.records import EpochRecord
from multilayer.errors import TrainingDivergedError


def share(task: Callable[[], RankTask]) -> None:
    """Send from rank 0 what it trains next; nothing in a process on its own.

    Raises:
        TableError: the rows cannot be read.
        DistributedError: a rank has ended or cannot be reached.
    """
    ranks = Ranks.current()
    if ranks is not None:
        task().send(ranks)


def share_no_more() -> None:
    """Let the others end."""
    ranks = Ranks.current()
    if ranks is not None:
        send_nothing(ranks)


def may_end_early(
    records: Generator[EpochRecord, None, None],
) -> Generator[EpochRecord, None, None]:
    """The records of a training that rank 0 has shared, and ends early by closing this.

    The others take part by `share_in_all`.

    Args:
        records: of `Training.epochs`; closed with this.

    Raises:
        DistributedError: a rank has ended or cannot be reached.
    """
    ranks = Ranks.current()
    with closing(records):
        for record in records:
            try:
                yield record
            except GeneratorExit:
                _goes_on(ranks, says=False)
                raise
            _goes_on(ranks, says=True)


def share_in_all(train: Callable[[RankTask], Generator[EpochRecord, None, None]]) -> None:
    """Be another rank than the first: train with it, until it has nothing more.

    Args:
        train: a task; the records are closed where rank 0 ends early.

    Raises:
        DistributedError: a rank has ended or cannot be reached.
    """
    ranks = Ranks.current()
    assert ranks is not None
    while (task := RankTask.receive(ranks)) is not None:
        # All ranks find at the same step that a training has diverged.
        with closing(train(task)) as records, suppress(TrainingDivergedError):
            for _ in records:
                if not _goes_on(ranks):
                    break


def _goes_on(ranks: Ranks | None, *, says: bool = False) -> bool:
    """Whether rank 0 goes on after an epoch, which says so."""
    if ranks is None:
        return says
    answer = torch.tensor([says], dtype=torch.uint8, device=ranks.device)
    ranks.copy_from_first(answer)
    return bool(answer.item())
