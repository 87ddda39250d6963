"""Whether the hidden layer is worth anything: softmax regression against the MLP."""

from dataclasses import replace

from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudySteps
from multilayer.experiments.study_plan import StudyPlan


def study(plan: StudyPlan) -> StudySteps:
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
    [pair] = pairs.values()
    return results.study_result(
        f"{linear.capitalize()} against the MLP", "", "the", measured, pairs, 0, plan,
        f"The hidden layers changed the {plan.metric} by {pair.difference.mean:+.4f} (95% interval "
        f"{pair.difference.low:+.4f} to {pair.difference.high:+.4f}), for "
        f"{measured[1].num_parameters:,} parameters in place of {measured[0].num_parameters:,}.",
        [results.scores_panel(measured, plan, ""), results.curves_panel(measured, plan)],
    )  # fmt: skip
