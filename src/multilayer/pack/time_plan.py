"""What a pack trains in its time: as many epochs, folds and draws as fit."""

import math
from collections.abc import Callable
from dataclasses import replace

from multilayer.engine.processor import choose_num_threads
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.fit.prepare import PreparedData, spec_of
from multilayer.pack.held_out_predictions import HeldOutPredictions
from multilayer.pack.time_limit import Deadline
from multilayer.pack.wave import GoingDraw, Wave
from multilayer.recipes.recipes import HELD_OUT_FRACTION, for_fewer_epochs

FEWEST_EPOCHS_OF_FOLDS = 16  # if fewer fit, one network is trained instead, on more epochs
_SECONDS_OF_A_TRIAL, _SHARE_OF_A_TRIAL = 2.0, 0.05  # of the time limit
_EPOCHS_OF_A_TRIAL = 4  # or as many as fit into its seconds
_DRAWS_TO_DIVIDE = 4  # if fewer fit, each has fewer epochs, so that all of the time is used
_SHARE_ROUNDED_UP = 0.75


def planned(
    data: PreparedData,
    prepare: Callable[[TrainingSettings], PreparedData],
    deadline: Deadline,
) -> tuple[PreparedData, str]:
    """The data with settings whose training fits into the time, and what is planned, in words.

    An epoch of the first draw is timed, on networks that are thrown away.

    Args:
        data: prepared as it was asked for.
        prepare: prepares it again with other settings.
        deadline: with a limit.

    Raises:
        SettingsError: not even an epoch of one network fits; the message says what would.
    """
    if not data.settings.num_draws or data.held_out is None:
        return data, ""
    assert deadline.limit is not None
    reading = deadline.seconds_spent
    settings, num_members = data.settings, data.num_networks
    seconds = _seconds_of_an_epoch(data, deadline)
    if not math.isfinite(seconds):  # all its networks diverged at once, as the training will say
        return data, ""
    left = deadline.seconds_left or 0.0
    num_epochs = left / seconds
    if settings.num_folds and num_epochs < min(FEWEST_EPOCHS_OF_FOLDS, settings.max_epochs):
        seconds /= _rounds(data)
        settings = replace(settings, num_folds=0, validation_fraction=HELD_OUT_FRACTION)
        num_members, num_epochs = 1, left / seconds
    if num_epochs < 1:
        least = deadline.limit - left + seconds
        raise SettingsError(
            f"time_limit {deadline.limit:g} s is too short: reading and preparing took "
            f"{reading:.1f} s, and an epoch of one network takes about {seconds:.1f} s; the least "
            f"is about {math.ceil(least)} s"
        )
    share = num_epochs / settings.max_epochs
    num_draws = max(1, math.floor(share + _SHARE_ROUNDED_UP)) if share < _DRAWS_TO_DIVIDE else 0
    if num_draws:
        epochs = min(settings.max_epochs, max(1, math.floor(num_epochs / num_draws)))
        settings = for_fewer_epochs(settings, epochs, data.num_rows, data.targets.task)
    about = num_draws or math.floor(share)
    networks = "a network" if num_members == 1 else f"{num_members} networks, a fold each,"
    words = (
        f"in {deadline.limit:g} s: reading took {reading:.1f} s, an epoch of {networks} takes "
        f"{seconds:.2g} s, so that about {about} draw{'' if about == 1 else 's'} of "
        f"{settings.max_epochs} epochs fit"
    )
    if settings.num_folds != data.settings.num_folds:
        return prepare(settings), words
    return replace(data, settings=settings), words


def _seconds_of_an_epoch(data: PreparedData, deadline: Deadline) -> float:
    """Of the first draw, scoring included; the first steps, which take longer, are not timed."""
    assert deadline.limit is not None
    num_members = data.num_networks
    settings = replace(data.settings, max_epochs=_EPOCHS_OF_A_TRIAL)
    draw = GoingDraw.begun(0, settings, num_members)
    spec = spec_of(settings, data.encoder, data.targets)
    wave = Wave(data, HeldOutPredictions(data), [draw], _EPOCHS_OF_A_TRIAL, spec)
    split = data.split
    num_rows = len(data.examples) if split is None else min(map(len, split.train))
    num_steps = max(1, num_rows // min(settings.batch_size, num_rows))
    most = min(_SECONDS_OF_A_TRIAL, _SHARE_OF_A_TRIAL * deadline.limit)
    seconds = math.inf
    for record in wave.epochs(Deadline(most).as_stop(None), None, None, lambda _: {}):
        seconds = min(seconds, record.seconds * num_steps / max(1, record.num_steps))
    return seconds


def _rounds(data: PreparedData) -> int:
    """How many networks a thread trains one after the other."""
    num_members = data.num_networks
    return math.ceil(num_members / choose_num_threads(data.settings, data.spec, num_members))
