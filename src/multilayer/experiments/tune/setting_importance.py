"""Which settings made the difference between trials."""

from typing import TYPE_CHECKING

from multilayer.experiments.tune.storage import import_optuna

if TYPE_CHECKING:
    from optuna import Study

FEWEST_TRIALS = 16  # with less, a forest of trees sees patterns in noise


def setting_importance(study: "Study", seed: int = 0) -> dict[str, float] | None:
    """How much of the variance of the loss each parameter explains (fANOVA; Hutter et al., 2014).

    Only trials that were trained to their end count: of the others the final loss is not known.

    Args:
        study: the study.
        seed: of the forest.

    Returns:
        Shares that sum to 1, the largest first; None where there are too few trials, or all have
        one loss.
    """
    optuna = import_optuna()
    complete = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) == 1:
        return None
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}
