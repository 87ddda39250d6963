"""The trials of a study, as they are counted and shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

ACCURACY, BEST_EPOCH, DIVERGED, SECONDS = "accuracy", "best_epoch", "diverged", "seconds"


@dataclass(frozen=True)
class TrialSummary:
    """A trial that was trained to its end.

    Attributes:
        number: in the study, from 0.
        params: what it tried.
        loss: on the watched rows, at its best epoch.
        accuracy: then; None where the targets are not classes.
        best_epoch: from 1.
    """

    number: int
    params: dict[str, Any]
    loss: float
    accuracy: float | None
    best_epoch: int


@dataclass(frozen=True)
class Tally:
    """How far a study is.

    Attributes:
        num_complete: trials trained to their end.
        num_pruned: trials given up as hopeless.
        num_diverged: trials whose loss did not stay finite.
        num_running: trials that are being trained, by any process.
        num_waiting: trials that are queued: the first ones, and those to be tried again.
        best: those that are complete, the best first.
    """

    num_complete: int
    num_pruned: int
    num_diverged: int
    num_running: int
    num_waiting: int
    best: tuple[TrialSummary, ...]

    @property
    def num_finished(self) -> int:
        """Trials that count."""
        return self.num_complete + self.num_pruned + self.num_diverged

    @property
    def num_begun(self) -> int:
        """Trials that count or are going to."""
        return self.num_finished + self.num_running + self.num_waiting


def tally(study: "Study") -> Tally:
    """Count the trials of a study; those that failed with their process do not count."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)

    def in_state(state: TrialState) -> "list[FrozenTrial]":
        return [trial for trial in trials if trial.state == state]

    pruned = in_state(TrialState.PRUNED)
    num_diverged = sum(bool(trial.user_attrs.get(DIVERGED)) for trial in pruned)
    complete = in_state(TrialState.COMPLETE)
    return Tally(
        len(complete),
        len(pruned) - num_diverged,
        num_diverged,
        len(in_state(TrialState.RUNNING)),
        len(in_state(TrialState.WAITING)),
        tuple(_ranked(complete)),
    )


def _ranked(trials: "Sequence[FrozenTrial]") -> list[TrialSummary]:
    summaries = [
        TrialSummary(
            trial.number,
            dict(trial.params),
            float(trial.value),
            trial.user_attrs.get(ACCURACY),
            int(trial.user_attrs.get(BEST_EPOCH, 0)),
        )
        for trial in trials
        if trial.value is not None
    ]
    return sorted(summaries, key=lambda summary: (summary.loss, summary.number))
