"""Whether the hidden layer is worth anything: softmax regression against the MLP."""

from dataclasses import replace

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.studies import variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import Finding, Progress
from multilayer.experiments.study_plan import StudyPlan


def study(plan: StudyPlan) -> Progress:
    """The network without its hidden layers, and with them."""
    hidden = plan.settings.hidden_widths or (256,)
    name = "-".join(map(str, hidden))
    linear = "softmax regression" if plan.rows.class_names else "linear regression"
    measured = yield from variants.measure(
        plan,
        [
            Variant(linear, replace(plan.settings, hidden_widths=())),
            Variant(f"MLP with {name}", replace(plan.settings, hidden_widths=hidden)),
        ],
        with_curves=True,
    )
    pairs = variants.against(measured, 0, plan)
    epochs = range(1, plan.settings.max_epochs + 1)
    [pair] = pairs.values()
    return Finding(
        f"{linear.capitalize()} against the MLP: {plan.in_words}",
        variants.headers("", measured[0], plan),
        variants.rows(measured, pairs, plan.matters),
        f"{variants.in_words('the', measured, pairs, 0, plan)} The hidden layers changed the "
        f"{plan.metric} by {pair.difference.mean:+.4f} (95% interval {pair.difference.low:+.4f} to "
        f"{pair.difference.high:+.4f}), for {measured[1].num_parameters:,} parameters in place of "
        f"{measured[0].num_parameters:,}.",
        [
            Panel(plan.panel_title, "", plan.metric, [variants.series(measured)],
                  categories=[one.variant.name for one in measured]),
            Panel("How it got there", "epoch", f"mean {plan.metric}",
                  [Series(one.variant.name, epochs[: len(one.curves)], one.curves.mean(1).tolist())
                   for one in measured]),
        ],
        variants.document(measured),
    )  # fmt: skip
