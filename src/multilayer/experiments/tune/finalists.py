"""The last choice: the best few trials in five folds, and the winner's networks as the model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.targets import Targets
from multilayer.engine.distributed import Stop
from multilayer.errors import TrainingDivergedError
from multilayer.experiments.tune.search_rows import SearchRows
from multilayer.experiments.tune.search_space import SearchSpace
from multilayer.experiments.tune.trials import TrialSummary
from multilayer.fit.fit import Fit
from multilayer.metrics.scores import Score, scores_of
from multilayer.model.model import Model
from multilayer.runs.shared_training import may_end_early, share

NUM_FINALISTS = 3
NUM_FOLDS = 5
_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, eq=False)
class Finalist:
    """A trial's settings in five folds.

    Attributes:
        trial: where they are from.
        fit: its networks, each trained on four folds and selected on the fifth.
        model: the networks together, calibrated on the rows that each has not learned from.
        loss: on these rows; infinite where the training diverged.
        scores: on these rows.
    """

    trial: TrialSummary
    fit: Fit
    model: Model | None
    loss: float
    scores: list[Score]


def fit_finalists(
    rows: SearchRows,
    space: SearchSpace,
    trials: Sequence[TrialSummary],
    seed: int,
    stop: Stop | None = None,
) -> Iterator[Finalist]:
    """Fit the best few trials' settings in folds of the searched rows.

    A trial's own loss was measured once, on rows by which its epoch was chosen, and the best of
    many such figures is too good. Here each candidate is measured on every searched row by a
    network that has not learned from it, with another seed and other divisions than in the search.

    Args:
        rows: of the search.
        space: of the search.
        trials: the best, in order; the first few are taken.
        seed: of the search.
        stop: when set, no further finalist is given.
    """
    for trial in trials[:NUM_FINALISTS]:
        recipe, changes = space.settings(trial.params)
        changes |= {
            "seed": seed + 1, "num_folds": NUM_FOLDS, "validation_fraction": 0.0,
            "selection": "loss",
        }  # fmt: skip
        fit = Fit(rows.prepared(recipe, changes))
        try:
            share(fit.task)
            for _ in may_end_early(fit.epochs(stop)):
                pass
        except TrainingDivergedError:
            yield Finalist(trial, fit, None, math.inf, [])
            continue
        if stop is not None and stop.is_set():
            return
        model = fit.model()
        answers = fit.held_out_answers(model)
        assert answers is not None
        yield Finalist(
            trial,
            fit,
            model,
            mean_loss(model.targets, *answers),
            scores_of(model.targets, *answers),
        )


def mean_loss(targets: Targets, answers: NDArray[np.float64], truths: NDArray[Any]) -> float:
    """What trials are measured by: log loss, or of numbers the mean square error.

    Args:
        targets: what is predicted.
        answers: probabilities, or numbers as they are in the table, (num_rows, num_outputs).
        truths: as `targets.encode` gives them.
    """
    if targets.task == "regression":
        scale = targets.scale
        said = (scale.central(answers) - np.array(scale.means)) / np.array(scale.deviations)
        return float(((said - truths) ** 2).mean())
    if targets.task == "multilabel":
        of_truth = np.where(truths == 1, answers, 1 - answers)
    else:
        of_truth = answers[np.arange(len(truths)), truths]
    return float(-np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean())
