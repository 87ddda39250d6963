"""Which activation function works best."""

from dataclasses import replace
from typing import get_args

from multilayer.engine.specification import ActivationName
from multilayer.lab.studies import variants
from multilayer.lab.studies.variants import Variant
from multilayer.lab.study import Finding, Progress, StudyPlan
from multilayer.report.panels import Panel, Series


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
    identity = measured[names.index("identity")].interval
    return Finding(
        f"Activation functions: {plan.in_words}",
        variants.headers("activation", measured[reference]),
        variants.rows(measured, pairs, plan.matters),
        variants.in_words("the activation", measured, pairs, reference, plan)
        + f" Without any (identity) the network is a linear model, however many layers it has, and "
        f"reaches {identity.mean:.4f}. All had the learning rate "
        f"{plan.settings.learning_rate:g}; one that learns slowly at it, as sigmoid does, may do "
        "better with a larger one.",
        [
            Panel("Accuracy on the rows held out", "activation", "accuracy",
                  [variants.series(measured)], categories=names),
            Panel("How it got there", "epoch", "mean accuracy",
                  [Series(name, epochs[: len(one.curves)], one.curves.mean(1).tolist())
                   for name, one in zip(names, measured, strict=True)
                   if name in ("relu", "gelu", "tanh", "sigmoid", "identity")]),
        ],
        variants.document(measured),
    )  # fmt: skip
