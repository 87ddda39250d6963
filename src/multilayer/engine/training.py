"""The training loop: a generator of epoch records.

Drawing, logging and stopping are done by whoever holds the `for`:

    for epoch in train(network, examples, settings, validation=held_out):
        print(epoch.epoch, epoch.train_loss)
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multilayer.engine.batches import Batch, BatchSource, Examples
from multilayer.engine.cuda_graphs import RecordedStep, can_be_recorded
from multilayer.engine.devices import choose_device
from multilayer.engine.distributed import GradientSum, Ranks, Stop
from multilayer.engine.losses import loss_to_score
from multilayer.engine.machine import check_machine
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_threads, processor
from multilayer.engine.products import keep_freed_memory
from multilayer.engine.randomness import generator
from multilayer.engine.scores import Scores, evaluate
from multilayer.engine.selection import Selection
from multilayer.engine.settings import TrainingSettings, of_members
from multilayer.engine.step import Step
from multilayer.errors import SettingsError, TrainingDivergedError

_SECONDS_BETWEEN_CHECKS = 1.0


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did; tuples hold one value for each member."""

    epoch: int  # from 1
    num_steps: int  # batches of this epoch that were trained on
    train_loss: tuple[float, ...]  # mean over the epoch's rows, each when its turn came
    validation: Scores | None
    seconds: float  # of this epoch, validation included
    is_interrupted: bool = False  # stopped before its last batch
    best_epoch: tuple[int, ...] | None = None  # so far, by the selection; None if that is the last


def train(
    network: Network,
    examples: Examples,
    settings: TrainingSettings | Sequence[TrainingSettings],
    *,
    validation: Examples | None = None,
    rows: Sequence[Tensor] | None = None,
    validation_rows: Sequence[Tensor] | None = None,
    stop: Stop | None = None,
) -> Iterator[EpochRecord]:
    """Train a population in place, one record an epoch.

    Inside a process group of torch.distributed every rank calls this with the same network, rows
    and settings. They divide each batch, and end with the same network: the one that a process on
    its own makes of these batches, to rounding. Masks of dropout are each rank's own.

    Args:
        network: changed in place. When the generator ends or is closed it holds what the settings
            select: the last epoch's parameters, their running average, or each member's best.
        examples: rows to learn from.
        settings: for all members, or one for each (see `SETTINGS_OF_A_MEMBER`). The order of rows
            comes from the generator with the address (seed, "shuffle"). Members that are given the
            same seed and the same rows see the same batches, which is faster than batches of their
            own.
        validation: rows to score after each epoch.
        rows: row numbers that each member learns from; None: all rows. Members take equally many
            steps: see `BatchSource` for rows that are not equally many.
        validation_rows: row numbers of `validation` that each member is scored on; None: all.
        stop: when set, training ends after the current batch, with a last record. Of ranks that
            train together, one that stops stops all.

    Yields:
        A record after each epoch.

    Raises:
        SettingsError: the settings or rows do not fit the population, or select by a validation
            that is not there; the device is not there, or has not the memory; a batch does not
            divide among the ranks.
        DistributedError: a rank has ended or cannot be reached.
        TrainingDivergedError: no member has a finite loss any more. Looked for at the end of each
            epoch, and once a second in long ones.
    """
    members = of_members(settings, network.num_members)
    shared = members[0]
    _check_rows(rows, validation_rows, network.num_members)
    if shared.selection != "last" and validation is None:
        raise SettingsError(f"selection by {shared.selection!r} needs validation rows")
    device, ranks = choose_device(shared.device), Ranks.current()
    check_machine(network.spec, members, device)
    given, network = network, network.on(device)
    examples, rows = examples.on(device), _on(device, rows)
    if validation is not None:
        validation, validation_rows = validation.on(device), _on(device, validation_rows)
    is_one_order = rows is None and len({member.seed for member in members}) == 1
    seeds = [member.seed for member in (members[:1] if is_one_order else members)]
    sources = [generator(seed, "shuffle") for seed in seeds]
    batches = BatchSource(
        examples, shared.batch_size, sources, rows, _part_of(ranks), shared.drop_last_batch
    )
    gradient_sum = None
    if ranks is not None:
        ranks.check_same(f"{len(examples)} rows, {network.spec}, {members}", shared.batch_size)
        ranks.copy_from_first(network.parameters)
        stop = gradient_sum = GradientSum(network.parameters, ranks, stop)
    step = Step(network, members, len(batches) * shared.max_epochs, gradient_sum)
    take_step = RecordedStep(step) if can_be_recorded(members, device, ranks) else step.on
    scored = network if step.averaged is None else Network.of(network.spec, step.averaged)
    selection = None
    if shared.selection != "last":
        selection = Selection(scored.parameters, shared.selection, shared.patience)
    num_threads = choose_num_threads(shared, network.spec, network.num_members)
    keep_freed_memory()
    try:
        for epoch in range(1, shared.max_epochs + 1):
            began = time.perf_counter()
            with processor(num_threads, shared.precision), torch.inference_mode():
                num_steps, loss = _run_epoch(epoch, batches, take_step, shared.learning_rate, stop)
                if ranks is not None:  # what different processors rounded differently
                    ranks.copy_from_first(network.parameters)
                scores = None
                if validation is not None:
                    scores = evaluate(scored, validation, loss_to_score(shared), validation_rows)
                    if ranks is not None:
                        scores = ranks.scores_of_first(scores)
                    if not any(map(math.isfinite, scores.loss)):
                        raise TrainingDivergedError(
                            "validation", epoch, num_steps, shared.learning_rate
                        )
                    if selection is not None:
                        selection.note(epoch, scored.parameters, scores)
            yield EpochRecord(
                epoch=epoch,
                num_steps=num_steps,
                train_loss=loss,
                validation=scores,
                seconds=time.perf_counter() - began,
                is_interrupted=num_steps < len(batches),
                best_epoch=None if selection is None else tuple(selection.best_epochs),
            )
            if (stop is not None and stop.is_set()) or (selection and selection.is_over):
                return
    finally:
        if selection is not None:
            given.parameters.copy_(selection.parameters)
        elif scored is not given:
            given.parameters.copy_(scored.parameters)


def _run_epoch(
    epoch: int,
    batches: BatchSource,
    take_step: Callable[[Batch], Tensor],
    learning_rate: float,
    stop: Stop | None,
) -> tuple[int, tuple[float, ...]]:
    """Train on every batch, or until `stop`; number of steps and mean loss of each member."""
    is_shared = isinstance(stop, GradientSum)  # ranks must find the same error at the same step
    last_check = time.perf_counter()
    losses, sizes = [], []
    for batch in batches.epoch():
        losses.append(take_step(batch).clone())
        sizes.append(batch.num_rows)
        if stop is not None and stop.is_set():
            break
        if not is_shared and time.perf_counter() - last_check > _SECONDS_BETWEEN_CHECKS:
            _check_finite(torch.stack(losses), epoch, learning_rate)
            last_check = time.perf_counter()
    all_losses = torch.stack(losses)
    _check_finite(all_losses, epoch, learning_rate)
    shares = torch.tensor(sizes, dtype=all_losses.dtype) / sum(sizes)
    return len(losses), tuple((shares.to(all_losses.device) @ all_losses).tolist())


def _check_finite(losses: Tensor, epoch: int, learning_rate: float) -> None:
    """Raise once no member is left whose losses, (num_steps, num_members), are all finite."""
    is_finite = torch.isfinite(losses)
    if not bool(is_finite.all(dim=0).any()):
        first = int((~is_finite).any(dim=1).nonzero()[0]) + 1
        raise TrainingDivergedError("training", epoch, first, learning_rate)


def _part_of(ranks: Ranks | None) -> tuple[int, int]:
    return (0, 1) if ranks is None else (ranks.rank, ranks.size)


def _on(device: torch.device, rows: Sequence[Tensor] | None) -> list[Tensor] | None:
    return None if rows is None else [numbers.to(device) for numbers in rows]


def _check_rows(
    rows: Sequence[Tensor] | None, validation_rows: Sequence[Tensor] | None, num_members: int
) -> None:
    for name, given in (("rows", rows), ("validation_rows", validation_rows)):
        if given is not None and len(given) != num_members:
            raise SettingsError(f"{num_members} members were given {len(given)} sets of {name}")
    if rows is not None and not all(map(len, rows)):
        raise SettingsError("each member must have rows to learn from")
