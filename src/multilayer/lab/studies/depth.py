"""How many hidden layers there should be."""

from dataclasses import replace

from multilayer.lab.studies import variants
from multilayer.lab.studies.variants import Variant
from multilayer.lab.study import Finding, Progress, StudyPlan
from multilayer.report.panels import Panel, Series

DEPTHS = (0, 1, 2, 3, 4, 6, 8)
QUICK_DEPTHS = (0, 1, 2, 4, 6)


def study(plan: StudyPlan) -> Progress:
    """Growing numbers of hidden layers of one width, against a single one."""
    depths = QUICK_DEPTHS if plan.is_quick else DEPTHS
    width = plan.settings.hidden_widths[0] if plan.settings.hidden_widths else 256
    measured = yield from variants.measure(
        plan,
        [Variant(str(depth), replace(plan.settings, hidden_widths=(width,) * depth))
         for depth in depths],
        with_curves=True,
    )  # fmt: skip
    reference = depths.index(1)
    pairs = variants.against(measured, reference, plan)
    epochs = range(1, plan.settings.max_epochs + 1)
    return Finding(
        f"Hidden layers of {width}: {plan.in_words}",
        variants.headers("hidden layers", measured[reference]),
        variants.rows(measured, pairs, plan.matters),
        variants.in_words("the number of hidden layers", measured, pairs, reference, plan)
        + f" All depths had the learning rate {plan.settings.learning_rate:g} and the first "
        f"weights '{plan.settings.initialization}': a deep network that does worse here may need "
        "other ones, not fewer layers.",
        [
            Panel("Accuracy on the rows held out", "hidden layers", "accuracy",
                  [variants.series(measured, depths)]),
            Panel("How it got there", "epoch", "mean accuracy",
                  [Series(f"{depth} layers", epochs[: len(one.curves)],
                          one.curves.mean(1).tolist())
                   for depth, one in zip(depths, measured, strict=True)]),
        ],
        variants.document(measured),
    )  # fmt: skip
