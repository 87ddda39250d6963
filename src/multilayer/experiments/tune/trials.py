"""The trials of a study, as they are counted and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from multilayer.experiments.tune.storage import StudyPlace, damaged, import_optuna, storage_errors
from multilayer.fit.declared_types import Count, check_type

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

WORKER_PREFIX = "worker "  # attributes of the study: signs of life
FEWEST_TRIALS = 16  # for importances: with less, a forest of trees sees patterns in noise
ACCURACY, BEST_EPOCH, DIVERGED, SECONDS = "accuracy", "best_epoch", "diverged", "seconds"


class TrialAttributes(TypedDict, total=False):
    """What this package writes into a trial."""

    accuracy: float | None
    best_epoch: Count
    seconds: float
    diverged: bool
    worker: str
    tries: Count
    retry_of: Count


class WorkerSign(TypedDict):
    """A sign of life that a process writes into the study."""

    host: str
    pid: Count
    machine: str | None
    born: str | None
    sign: Count


def check_trials(
    study: "Study", distributions: "Mapping[str, BaseDistribution]", place: StudyPlace
) -> None:
    """Make sure that a study, which others may have filled, holds trials as they are made here.

    Raises:
        StorageError: the study has another aim, or an attribute or a parameter is missing or of
            another kind.
    """
    with storage_errors(place):
        try:
            _check_study(study, distributions)
        except ValueError as error:
            raise damaged(place, error) from None


def _check_study(study: "Study", distributions: "Mapping[str, BaseDistribution]") -> None:
    from optuna.trial import TrialState

    if [direction.name for direction in study.directions] != ["MINIMIZE"]:
        raise ValueError("it does not minimise one loss")
    for name, sign in study.user_attrs.items():
        if name.startswith(WORKER_PREFIX):
            check_type(sign, WorkerSign, name)
    for trial in study.get_trials(deepcopy=False):
        check_type(trial.number, Count, "the number of a trial")
        where = f"trial {trial.number}"
        check_type(trial.user_attrs, TrialAttributes, where)
        if trial.state == TrialState.COMPLETE:
            if set(trial.params) != set(distributions):
                raise ValueError(
                    f"{where} has other parameters: {', '.join(map(str, trial.params))}"
                )
            for name, value in trial.params.items():
                _check_param(value, distributions[name], f"{where}.{name}")


def _check_param(value: Any, distribution: "BaseDistribution", name: str) -> None:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        if value not in choices:
            raise ValueError(f"{name} must be one of {choices}; it is {value!r}")
        return
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    check_type(value, type(low), name)
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}; it is {value!r}")


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


def setting_importance(study: "Study") -> dict[str, float] | None:
    """How much of the variance of the loss each parameter explains (fANOVA; Hutter et al., 2014).

    Only trials that were trained to their end count: of the others the final loss is not known.

    Returns:
        Shares that sum to 1, the largest first; None where there are too few trials, or all have
        one loss.
    """
    optuna = import_optuna()
    complete = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) == 1:
        return None
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}
