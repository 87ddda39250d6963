"""Networks trained together as a population and scored on rows that none of them has seen."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.data.splits import split_rows
from multilayer.engine.network import Network
from multilayer.engine.scores import evaluate
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.errors import SettingsError, TrainingDivergedError
from multilayer.lab.problem import Problem

HELD_OUT = 0.2  # of the rows, to score on


@dataclass(frozen=True, eq=False)
class Repetitions:
    """A trained population and its scores.

    Attributes:
        settings: of each member.
        network: as it was after the last epoch, or as the settings select.
        accuracies: on the rows held out, (num_members,).
        losses: likewise; NaN where the network diverged.
        train_losses: of each epoch, (num_epochs, num_members).
        accuracy_curves: after each epoch on the rows held out, (num_epochs, num_members); no
            epochs unless they were asked for.
        num_scored_rows: rows behind each accuracy.
        seconds: of training.
        is_interrupted: the training was stopped.
    """

    settings: tuple[TrainingSettings, ...]
    network: Network
    accuracies: NDArray[Any]
    losses: NDArray[Any]
    train_losses: NDArray[Any]
    accuracy_curves: NDArray[Any]
    num_scored_rows: int
    seconds: float
    is_interrupted: bool = False

    @property
    def num_diverged(self) -> int:
        """Members whose loss is no longer a finite number."""
        return int((~np.isfinite(self.losses)).sum())


def repeat(
    problem: Problem,
    members: Sequence[TrainingSettings],
    *,
    held_out: float = HELD_OUT,
    with_curves: bool = False,
    stop: Event | None = None,
) -> Repetitions:
    """Train members together, each on its seed's part of the rows, and score it on the rest.

    A seed stands for the rows held out, the first weights, the order of the batches and the
    dropout. Members with the same seed are scored on the same rows, whatever their settings. Where
    settings select an epoch they do so by rows held out from those to train on, never by the rows
    that are scored. A network that diverges has the accuracy that it has, and no loss.

    Args:
        problem: the rows.
        members: settings of each, of one shape, see `SETTINGS_OF_A_MEMBER`.
        held_out: share of the rows to score on.
        with_curves: whether accuracies are wanted after each epoch.
        stop: when set, training ends after the current batch.

    Raises:
        SettingsError: the settings select by rows that they do not hold out, or differ in more
            than members may.
    """
    shared = members[0]
    if shared.selection != "last" and not shared.validation_fraction:
        raise SettingsError(
            f"selection by {shared.selection!r} needs a validation_fraction, for example 0.1"
        )
    splits = {
        member.seed: _split(problem.labels, held_out, shared, member.seed) for member in members
    }
    rows, watched, scored = ([splits[member.seed][part] for member in members] for part in range(3))
    network = problem.network(members, rows)
    selects = shared.selection != "last"
    began = time.perf_counter()
    train_losses, curves = [], []
    epochs = train(
        network,
        problem.examples,
        list(members),
        rows=rows,
        validation=problem.examples if selects or with_curves else None,
        validation_rows=watched if selects else scored if with_curves else None,
        stop=stop,
    )
    try:
        for record in epochs:
            train_losses.append(record.train_loss)
            if with_curves and record.validation is not None:
                curves.append(record.validation.accuracy)
    except TrainingDivergedError:
        pass  # all of them: what they answer now is scored like any answer
    seconds = time.perf_counter() - began
    scores = evaluate(network, problem.examples, shared.loss, scored)
    return Repetitions(
        tuple(members),
        network,
        np.array(scores.accuracy),
        np.array(scores.loss),
        np.array(train_losses).reshape(-1, len(members)),
        np.array(curves).reshape(-1, len(members)),
        len(scored[0]),
        seconds,
        stop is not None and stop.is_set(),
    )


def _split(
    labels: NDArray[np.int64], held_out: float, settings: TrainingSettings, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Row numbers to train on, to select an epoch by, and to score on."""
    kept, scored = split_rows(labels, held_out, seed)
    watched = scored
    if settings.validation_fraction:
        train_places, watched_places = split_rows(labels[kept], settings.validation_fraction, seed)
        kept, watched = kept[train_places], kept[watched_places]
    return torch.from_numpy(kept), torch.from_numpy(watched), torch.from_numpy(scored)
