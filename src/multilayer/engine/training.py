"""The training loop: a generator of epoch records.

Drawing, logging and stopping are done by whoever holds the `for`:

    for epoch in train(network, examples, settings, validation=held_out):
        print(epoch.epoch, epoch.train_loss)
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import torch
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.errors import TrainingDivergedError

_SECONDS_BETWEEN_CHECKS = 1.0


@dataclass(frozen=True)
class Scores:
    """How good a population is on some rows: one value for each member."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...] | None  # None where the targets are not classes


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did; tuples hold one value for each member."""

    epoch: int  # from 1
    num_steps: int  # batches of this epoch that were trained on
    train_loss: tuple[float, ...]  # mean over the epoch's rows, each when its turn came
    validation: Scores | None
    seconds: float  # of this epoch, validation included
    is_interrupted: bool = False  # stopped before its last batch


def train(
    network: Network,
    examples: Examples,
    settings: TrainingSettings,
    *,
    validation: Examples | None = None,
    stop: Event | None = None,
) -> Iterator[EpochRecord]:
    """Train a population in place, one record an epoch.

    Args:
        network: changed in place.
        examples: rows to learn from; all members see the same batches.
        settings: how; `batch_size`, `learning_rate`, … The order of rows comes from the
            generator with the address (settings.seed, "shuffle").
        validation: rows to score after each epoch.
        stop: when set, training ends after the current batch, with a last record.

    Yields:
        A record after each epoch.

    Raises:
        TrainingDivergedError: the training loss is not finite. Looked for at the end of each
            epoch, and once a second in long ones.
    """
    take_step = Step(network, settings)
    source = generator(settings.seed, "shuffle")
    num_steps = math.ceil(len(examples) / settings.batch_size)
    losses = network.parameters.new_zeros(num_steps, network.num_members)
    for epoch in range(1, settings.max_epochs + 1):
        began = last_check = time.perf_counter()
        step = num_rows = 0
        is_stopped = False
        for inputs, targets in examples.shuffled_batches(settings.batch_size, source):
            losses[step] = take_step(inputs, targets) * len(targets)
            step += 1
            num_rows += len(targets)
            if stop is not None and stop.is_set():
                is_stopped = True
                break
            if time.perf_counter() - last_check > _SECONDS_BETWEEN_CHECKS:
                _check_finite(losses[:step], epoch, settings.learning_rate)
                last_check = time.perf_counter()
        _check_finite(losses[:step], epoch, settings.learning_rate)
        scores = None if validation is None else evaluate(network, validation, settings.loss)
        if scores is not None and not all(map(math.isfinite, scores.loss)):
            raise TrainingDivergedError("validation", epoch, step, settings.learning_rate)
        yield EpochRecord(
            epoch=epoch,
            num_steps=step,
            train_loss=tuple((losses[:step].sum(0) / num_rows).tolist()),
            validation=scores,
            seconds=time.perf_counter() - began,
            is_interrupted=is_stopped and step < num_steps,
        )
        if is_stopped:
            return


def evaluate(network: Network, examples: Examples, loss: str = "cross_entropy") -> Scores:
    """Score each member on rows.

    Args:
        network: the population.
        examples: the rows; integer targets are classes and have an accuracy.
        loss: a name in `LOSSES`.

    Returns:
        The mean loss and, for classes, the share of rows whose largest logit is the target's.
    """
    logits = network.logits(examples.inputs)
    accuracy = None
    if not examples.targets.is_floating_point():
        is_right = logits.argmax(-1) == examples.targets
        accuracy = tuple(is_right.double().mean(-1).tolist())
    return Scores(tuple(LOSSES[loss]().value(logits, examples.targets).tolist()), accuracy)


def _check_finite(losses: Tensor, epoch: int, learning_rate: float) -> None:
    """Raise unless every loss in (num_steps, num_members) is finite."""
    is_finite = torch.isfinite(losses).all(dim=1)
    if not bool(is_finite.all()):
        first = int((~is_finite).nonzero()[0]) + 1
        raise TrainingDivergedError("training", epoch, first, learning_rate)
