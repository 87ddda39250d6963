"""Which activation function works best."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from multilayer.engine.specification import ActivationName
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Measured, Variant
from multilayer.experiments.study import StudySteps
from multilayer.experiments.study_plan import StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval


def study_activation(plan: StudyPlan) -> StudySteps:
    """Every activation of the engine, against ReLU."""
    names = get_args(ActivationName)
    measured = yield from variants.measure(
        plan,
        [Variant(name, replace(plan.settings, activation=name)) for name in names],
        with_curves=True,
    )
    reference = names.index("relu")
    pairs = variants.against(measured, reference, plan)
    identity = names.index("identity")
    shown = ("relu", "gelu", "tanh", "sigmoid", "identity")
    return results.study_result(
        "Activation functions", "activation", "the activation {}", measured, pairs, reference, plan,
        f"{about_identity(measured[identity].interval, pairs[identity], plan)} "
        f"{about_late_gains(late_gains(measured), plan)} All were trained with the learning rate "
        f"{plan.settings.learning_rate:g}.",
        [results.scores_panel(measured, plan, "activation"),
         results.curves_panel([one for one in measured if one.variant.name in shown], plan)],
    )  # fmt: skip


def about_identity(interval: MeanInterval, pair: Pair, plan: StudyPlan) -> str:
    """What the network without an activation is, and how it did."""
    did = {
        "first is better": "less than with relu",
        "second is better": "more than with relu",
        "no difference that matters": f"no different from relu by more than {plan.matters:g}",
        "undecided": f"which {plan.num_seeds} seeds do not tell apart from relu",
    }[pair.verdict]
    return (
        "With identity, that is without an activation function, the network is a linear model, "
        f"however many layers it has; it reached {interval.mean:.4f}, {did}."
    )


def late_gains(measured: Sequence[Measured]) -> dict[str, MeanInterval]:
    """What each activation still gained in the second half of its epochs.

    The intervals hold together with 95% (Bonferroni).
    """
    gains = {}
    for one in measured:
        last = len(one.curves) - 1
        if last > 0:
            differences = one.curves[last] - one.curves[last // 2]
            gains[one.variant.name] = mean_interval(differences, 0.05 / len(measured))
    return gains


def about_late_gains(gains: Mapping[str, MeanInterval], plan: StudyPlan) -> str:
    """Which activations had not finished learning, if any can be told to have gained."""
    late = [f"{name} ({gain.mean:+.4f})" for name, gain in gains.items() if gain.low > plan.matters]
    if not late:
        return (
            "In the second half of the epochs no activation was shown to gain more than "
            f"{plan.matters:g}."
        )
    return (
        f"In the second half of the epochs these still gained more than {plan.matters:g}: "
        f"{', '.join(late)}; more epochs or a larger learning rate may change their rank."
    )
