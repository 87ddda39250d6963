"""Which activation function works best."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from multilayer.drawing.panels import Panel, Series
from multilayer.engine.specification import ActivationName
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import variants
from multilayer.experiments.studies.variants import Measured, Variant
from multilayer.experiments.study import Finding, Progress
from multilayer.experiments.study_plan import StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval


def study(plan: StudyPlan) -> Progress:
    """Every activation of the engine, against ReLU."""
    names = get_args(ActivationName)
    measured = yield from variants.measure(
        plan,
        [Variant(name, replace(plan.settings, activation=name)) for name in names],
        with_curves=True,
    )
    reference = names.index("relu")
    pairs = variants.against(measured, reference, plan)
    epochs = range(1, plan.settings.max_epochs + 1)
    identity = names.index("identity")
    return Finding(
        f"Activation functions: {plan.in_words}",
        variants.headers("activation", measured[reference], plan),
        variants.rows(measured, pairs, plan.matters),
        variants.in_words("the activation", measured, pairs, reference, plan)
        + f" {about_identity(measured[identity].interval, pairs[identity])} "
        f"{about_late_gains(late_gains(measured), plan)} All had the learning rate "
        f"{plan.settings.learning_rate:g}.",
        [
            Panel(plan.panel_title, "activation", plan.metric,
                  [variants.series(measured)], categories=names),
            Panel("How it got there", "epoch", f"mean {plan.metric}",
                  [Series(name, epochs[: len(one.curves)], one.curves.mean(1).tolist())
                   for name, one in zip(names, measured, strict=True)
                   if name in ("relu", "gelu", "tanh", "sigmoid", "identity")]),
        ],
        variants.document(measured),
    )  # fmt: skip


def about_identity(interval: MeanInterval, pair: Pair) -> str:
    """What the network without an activation is, and how it did.

    Args:
        interval: of its mean score.
        pair: ReLU and it.
    """
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
