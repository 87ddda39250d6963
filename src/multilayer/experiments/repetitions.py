"""Networks trained together as a population and scored on rows that none of them has seen."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.errors import SettingsError, TrainingDivergedError
from multilayer.experiments.problem import MetricName, Problem

HELD_OUT = 0.2  # of the rows, to score on


@dataclass(frozen=True, eq=False)
class Repetitions:
    """A trained population and its scores.

    Attributes:
        settings: of each member.
        network: as it was after the last epoch, or as the settings select.
        scores: every metric of the problem on the rows held out, each (num_members,).
        train_losses: of each epoch, (num_epochs, num_members).
        curves: the problem's study metric after each epoch on the rows held out, (num_epochs,
            num_members); no epochs unless they were asked for.
        num_scored_rows: rows behind the scores of the first member.
        seconds: of training.
        is_interrupted: the training was stopped.
    """

    settings: tuple[TrainingSettings, ...]
    network: Network
    scores: Mapping[MetricName, NDArray[Any]]
    train_losses: NDArray[Any]
    curves: NDArray[Any]
    num_scored_rows: int
    seconds: float
    is_interrupted: bool = False

    @property
    def is_diverged(self) -> NDArray[np.bool_]:
        """Which members have a score that is no finite number, (num_members,)."""
        is_finite: NDArray[np.bool_] = np.isfinite(np.array(list(self.scores.values())))
        return np.logical_not(is_finite.all(axis=0))


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
        with_curves: whether the study metric is wanted after each epoch.
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
    splits = {member.seed: problem.split(member, held_out) for member in members}
    rows, watched, scored = ([splits[member.seed][part] for member in members] for part in range(3))
    network, examples = problem.network(members, rows), problem.examples(shared)
    selects = shared.selection != "last"
    looked_at = watched if selects else scored
    began = time.perf_counter()
    train_losses, curves = [], []
    epochs = train(
        network,
        examples,
        list(members),
        rows=rows,
        validation=examples if selects or with_curves else None,
        validation_rows=looked_at if selects or with_curves else None,
        stop=stop,
    )
    try:
        for record in epochs:
            train_losses.append(record.train_loss)
            if with_curves and record.validation is not None:
                curves.append(problem.study_scores(record.validation, shared, looked_at))
    except TrainingDivergedError:
        pass  # all of them: what they answer now is scored like any answer
    seconds = time.perf_counter() - began
    return Repetitions(
        tuple(members),
        network,
        problem.scores(network, shared, scored),
        np.array(train_losses).reshape(-1, len(members)),
        np.array(curves).reshape(-1, len(members)),
        len(scored[0]),
        seconds,
        stop is not None and stop.is_set(),
    )
