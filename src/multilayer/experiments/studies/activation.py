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
        "Activation functions", "activation", "the activation", measured, pairs, reference, plan,
        f"{about_identity(measured[identity].interval, pairs[identity])} "
        f"{about_late_gains(late_gains(measured), plan)} All had the learning rate "
        f"{plan.settings.learning_rate:g}.",
        [results.scores_panel(measured, plan, "activation"),
         results.curves_panel([one for one in measured if one.variant.name in shown], plan)],
    )  # fmt: skip


def about_identity(interval: MeanInterval, pair: Pair) -> str:
    """What the network without an activation is, and how it did."""
    did = {
        "first is better": ", less than with ReLU",
        "second is better": ", more than with ReLU",
        "no difference that matters": ", which is no different from ReLU by what matters",
        "undecided": "",
    }[pair.verdict]
    return (
        "Without any (identity) the network is a linear model, however many layers it has; it "
        f"reached {interval.mean:.4f}{did}."
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
            f"None was shown to gain more than {plan.matters:g} in the second half of its epochs."
        )
    return (
        f"Still gaining more than {plan.matters:g} in the second half of their epochs: "
        f"{', '.join(late)}; more epochs or a larger learning rate may change their place."
    )
