"""How wide the hidden layer should be."""

from dataclasses import replace

from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudySteps
from multilayer.experiments.study_plan import StudyPlan

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
QUICK_WIDTHS = (16, 64, 256, 1024)


def study(plan: StudyPlan) -> StudySteps:
    """One hidden layer of growing width, against 256."""
    widths = QUICK_WIDTHS if plan.is_quick else WIDTHS
    measured = yield from variants.measure(
        plan, [Variant(str(w), replace(plan.settings, hidden_widths=(w,))) for w in widths]
    )
    reference = widths.index(256)
    pairs = variants.against(measured, reference, plan)
    first, last = measured[0].seconds, measured[-1].seconds
    return results.study_result(
        "Width of one hidden layer", "width", "width", measured, pairs, reference, plan,
        f"An epoch of one network took {first:.3f} s at width {widths[0]} and {last:.3f} s at "
        f"width {widths[-1]}.",
        [results.scores_panel(measured, plan, "width", widths, is_log_x=True),
         results.seconds_panel(measured, "width", widths)],
    )  # fmt: skip
