"""The training loop: a generator of epoch records.

Drawing, logging and stopping are done by whoever holds the `for`:

    for epoch in train(network, examples, settings, validation=held_out):
        print(epoch.epoch, epoch.train_loss)
"""

import warnings
from collections.abc import Iterator, Sequence

from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.cross_selection import CrossSelection
from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.training_loop import Training
from multilayer.errors import DataWarning


def train(
    network: Network,
    examples: Examples | ChunkedExamples,
    settings: TrainingSettings | Sequence[TrainingSettings],
    *,
    validation: Examples | None = None,
    rows: Sequence[Tensor] | None = None,
    validation_rows: Sequence[Tensor] | None = None,
    cross_selection: CrossSelection | None = None,
    stop: Stop | None = None,
    state: TrainingState | None = None,
    keeper: StateKeeper | None = None,
) -> Iterator[EpochRecord]:
    """Train a population in place, one record an epoch.

    Inside a process group of torch.distributed every rank calls this with the same network, rows
    and settings. They divide each batch, and end with the same network: the one that a process on
    its own makes of these batches, to rounding; masks of dropout are drawn for the whole batch.

    Args:
        network: changed in place. When the generator ends or is closed it holds what the settings
            select: the last epoch's parameters, their running average, or each member's best.
        examples: rows to learn from, in memory or on the disk.
        settings: for all members, or one for each (see `SETTINGS_OF_A_MEMBER`). The order of rows
            comes from the generator with the address (seed, "shuffle"). Members that are given the
            same seed and the same rows see the same batches, which is faster than batches of their
            own.
        validation: rows to score after each epoch.
        rows: row numbers that each member learns from; None: all rows. Members take equally many
            steps: see `BatchSource` for rows that are not equally many.
        validation_rows: row numbers of `validation` that each member is scored on; None: all.
        cross_selection: is shown the logits of the validation rows after each epoch; its halves
            are of the rows that each member is scored on.
        stop: when set, training ends after the current batch, with a last record. Of ranks that
            train together, one that stops stops all.
        state: where to go on, bit for bit as if nothing had been between; None: the beginning.
            The records before it are in its history and are not yielded again.
        keeper: is given the state whenever it asks for it, and when training is stopped.

    Yields:
        A record after each epoch.

    Raises:
        SettingsError: the settings or rows do not fit the population, or select by a validation
            that is not there; the device is not there, or has not the memory; a batch does not
            divide among the ranks.
        CheckpointError: the state is that of another training; the message says what differs.
        DistributedError: a rank has ended or cannot be reached.
        TrainingDivergedError: no member has a finite loss any more. Looked for at the end of each
            epoch, and once a second in long ones.

    Examples:
        >>> import torch
        >>> from multilayer import Examples, Network, NetworkSpec, recipe, train
        >>> inputs = torch.linspace(-1, 1, 64).reshape(-1, 1)
        >>> rows = Examples(inputs, (inputs[:, 0] > 0).long())
        >>> settings = recipe("chapter", learning_rate=0.5, max_epochs=30, batch_size=16)
        >>> network = Network.initialized(NetworkSpec(1, 2, (8,)), seeds=[0])
        >>> losses = [epoch.train_loss[0] for epoch in train(network, rows, settings)]
        >>> len(losses), losses[-1] < losses[0]
        (30, True)
    """
    training = Training(
        network,
        examples,
        settings,
        validation=validation,
        rows=rows,
        validation_rows=validation_rows,
        cross_selection=cross_selection,
        stop=stop,
        keeper=keeper,
    )
    if state is not None:
        training.restore(state)
    yield from training.epochs()


def warn_of_diverged(num_members: int, num_left: int, learning_rate: float) -> None:
    """Say that networks diverged and the others answer without them."""
    warnings.warn(
        f"{num_members - num_left} of {num_members} networks diverged at the learning rate "
        f"{learning_rate:g} and are left out of the model; try a smaller rate",
        DataWarning,
        stacklevel=3,
    )
