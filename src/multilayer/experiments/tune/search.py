"""The search: groups of trials of one shape, asked for, trained together, and told."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.experiments.tune.budget import Budget, Clock
from multilayer.experiments.tune.group import BestEpoch, GroupTraining
from multilayer.experiments.tune.search_rows import RecipeRows
from multilayer.experiments.tune.search_space import SearchSpace, shape_of
from multilayer.experiments.tune.storage import import_optuna, no_experimental_warnings
from multilayer.experiments.tune.trials import ACCURACY, BEST_EPOCH, DIVERGED, SECONDS, Tally, tally
from multilayer.experiments.tune.workers import Worker, ask_again, tries_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

GROUP_SIZE = 8  # trials that are trained together
_GROUP_SHARE = 1 / 4  # of the time, at most, for a group
_NUM_REPORTS = 10  # of each trial, spread over its epochs, so that short and long ones compare
_FIRST_REPORT_TO_PRUNE = 3  # by then the learning rate has been through its first cycle
_SECONDS_BETWEEN_LOOKS = 1.0  # while others train the last trials


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes:
        tally: of the study; during a group as it was when that began.
        num_trials: how many there shall be; None: as many as the time allows.
        num_elsewhere: trials that other processes train.
        seconds: that this process has searched.
        seconds_left: None: any number.
        group_size: trials that are being trained here; 0 between groups.
        shape: that they share.
        epoch: that they have come to.
        max_epochs: of these.
    """

    tally: Tally
    num_trials: int | None
    num_elsewhere: int
    seconds: float
    seconds_left: float | None
    group_size: int = 0
    shape: Mapping[str, Any] | None = None
    epoch: int = 0
    max_epochs: int = 0


class Search:
    """Searches until the budget is spent.

    Args:
        study: where trials are asked for and told.
        space: what they are chosen from.
        rows_of: the searched rows as a recipe encodes them.
        budget: when it is over.
        seed: of the sampler.
        waits: whether to wait, when no trial is left to ask for, for those that others train.
    """

    def __init__(
        self,
        study: "Study",
        space: SearchSpace,
        rows_of: Callable[[str], RecipeRows],
        budget: Budget,
        seed: int,
        waits: bool = True,
    ) -> None:
        optuna = import_optuna()
        self._study, self._space, self._rows_of = study, space, rows_of
        self._budget, self._waits = budget, waits
        self._distributions: dict[str, BaseDistribution] = space.distributions()
        self._begun: list[Trial] = []  # asked for and not told
        self._cost_seconds = 0.0  # what groups have taken,
        self._cost = 0.0  # and how much work it was
        with no_experimental_warnings():
            self._sampler: BaseSampler = optuna.samplers.TPESampler(
                seed=seed % 2**32,
                multivariate=True,
                constant_liar=True,
                n_startup_trials=GROUP_SIZE,
            )
        study.pruner = optuna.pruners.MedianPruner(
            n_startup_trials=GROUP_SIZE, n_warmup_steps=_FIRST_REPORT_TO_PRUNE
        )

    def run(self, worker: Worker, clock: Clock) -> Iterator[Progress]:
        """Search; between two groups, and after each epoch of one, say how far it is."""
        try:
            while not clock.is_set():
                for lost in worker.lost_trials():
                    ask_again(self._study, lost, was_lost=True)
                now = tally(self._study)
                yield self._progress(now, clock)
                num_wanted = self._num_wanted(now)
                if num_wanted > 0:
                    group = self._ask_group(num_wanted, worker, clock)
                    if not group:
                        return  # no time is left for another
                    yield from self._train(group, now, clock)
                elif now.num_running > len(self._begun) and self._waits:
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
                else:
                    return
        finally:
            for trial in self._begun:
                ask_again(self._study, trial, was_lost=False)

    def _num_wanted(self, now: Tally) -> int:
        if self._budget.num_trials is None:
            return GROUP_SIZE
        left = self._budget.num_trials - now.num_begun
        return min(GROUP_SIZE, max(0, left) + now.num_waiting + len(self._begun))

    def _ask_group(self, num_wanted: int, worker: Worker, clock: Clock) -> "list[Trial]":
        """Ask for trials of one shape, those first that are left of another ask.

        Trials that are queued come with a shape of their own, and wait for their turn.
        """
        leader = self._begun[0] if self._begun else self._ask({}, worker)
        shape = shape_of(leader.params)
        group = [trial for trial in self._begun if shape_of(trial.params) == shape]
        size = self._affordable(num_wanted, self._work(leader), clock)
        while len(group) < size and len(self._begun) < num_wanted:
            trial = self._ask(shape, worker)
            if shape_of(trial.params) == shape:
                group.append(trial)
        return group[:size]

    def _ask(self, shape: Mapping[str, Any], worker: Worker) -> "Trial":
        samplers = import_optuna().samplers
        with no_experimental_warnings():
            self._study.sampler = samplers.PartialFixedSampler(dict(shape), self._sampler)
        trial = self._study.ask(self._distributions)
        self._begun.append(trial)
        for name, value in worker.marks(tries_of(trial)).items():
            trial.set_user_attr(name, value)
        return trial

    def _affordable(self, num_wanted: int, cost: float, clock: Clock) -> int:
        """How many trials of a shape go into a part of the time, by what groups have taken."""
        left = clock.seconds_left
        if left is None or not self._cost:
            return num_wanted
        seconds = cost * self._cost_seconds / self._cost
        if seconds > left:
            return 0
        assert self._budget.seconds is not None
        return max(1, min(num_wanted, int(self._budget.seconds * _GROUP_SHARE / seconds)))

    def _settings(self, trial: "Trial") -> TrainingSettings:
        recipe, changes = self._space.settings(trial.params)
        return replace(self._rows_of(recipe).settings, **changes)

    def _work(self, trial: "Trial") -> float:
        """About how much work it is to train a trial, in multiplications for each row."""
        recipe, _ = self._space.settings(trial.params)
        settings = self._settings(trial)
        return settings.max_epochs * self._rows_of(recipe).spec(settings).num_parameters

    def _train(self, group: "list[Trial]", now: Tally, clock: Clock) -> Iterator[Progress]:
        """Train a group; trials that are hopeless are told and dropped."""
        recipe, _ = self._space.settings(group[0].params)
        members = [self._settings(trial) for trial in group]
        max_epochs, work = members[0].max_epochs, self._work(group[0])
        training = GroupTraining(self._rows_of(recipe), members, clock)
        seconds = [0.0] * len(group)
        epoch = num_reports = 0
        began = time.perf_counter()
        with closing(training.epochs()) as epochs:
            for epoch in epochs:
                spent = time.perf_counter() - began
                began += spent
                self._cost_seconds += spent
                for number in training.going:
                    seconds[number] += spent / len(training.going)
                    self._cost += work / max_epochs
                if epoch * _NUM_REPORTS // max_epochs > num_reports:
                    num_reports = epoch * _NUM_REPORTS // max_epochs
                    hopeless = [
                        number
                        for number in training.going
                        if self._report(group[number], num_reports, training.best[number].loss)
                    ]
                    training.drop(hopeless)
                    for number in hopeless:
                        best = training.best[number]
                        self._tell(group[number], best, seconds[number], is_whole=False)
                yield replace(
                    self._progress(now, clock), group_size=len(training.going),
                    shape=shape_of(group[0].params), epoch=epoch, max_epochs=max_epochs,
                )  # fmt: skip
        if epoch < max_epochs and clock.is_set():
            return  # cut short: they are asked for again
        for number in training.going:
            best = training.best[number]
            self._tell(group[number], best, seconds[number], is_whole=not training.has_diverged)

    def _report(self, trial: "Trial", step: int, loss: float) -> bool:
        """Whether the trial is hopeless."""
        from optuna.exceptions import UpdateFinishedTrialError

        with suppress(UpdateFinishedTrialError):  # we had been thought gone: it is another's now
            trial.report(loss, step)
            return step < _NUM_REPORTS and trial.should_prune()
        return True

    def _tell(self, trial: "Trial", best: BestEpoch, seconds: float, *, is_whole: bool) -> None:
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        has_diverged = not math.isfinite(best.loss)
        with suppress(UpdateFinishedTrialError, ValueError):  # likewise
            trial.set_user_attr(ACCURACY, best.accuracy)
            trial.set_user_attr(BEST_EPOCH, best.epoch)
            trial.set_user_attr(SECONDS, seconds)
            if has_diverged:
                trial.set_user_attr(DIVERGED, True)
            if has_diverged or not is_whole:
                self._study.tell(trial, state=TrialState.PRUNED)
            else:
                self._study.tell(trial, best.loss)
        self._begun.remove(trial)

    def _progress(self, now: Tally, clock: Clock) -> Progress:
        num_elsewhere = max(0, now.num_running - len(self._begun))
        return Progress(
            now, self._budget.num_trials, num_elsewhere, clock.seconds, clock.seconds_left
        )


def queue_first_trials(study: "Study", space: SearchSpace) -> None:
    """Let a new study begin with the recipes as they are."""
    for params in space.first_params():
        study.enqueue_trial(params, skip_if_exists=True)


def check_space(space: SearchSpace) -> None:
    """Raise SettingsError where nothing is left to search."""
    if not space.distributions():
        raise SettingsError("nothing is left to search: every setting of it was given")
