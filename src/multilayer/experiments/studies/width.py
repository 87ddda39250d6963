"""How wide the hidden layer should be."""

from dataclasses import replace

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.studies import variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import Finding, Progress
from multilayer.experiments.study_plan import StudyPlan

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
QUICK_WIDTHS = (16, 64, 256, 1024)


def study(plan: StudyPlan) -> Progress:
    """One hidden layer of growing width, against 256."""
    widths = QUICK_WIDTHS if plan.is_quick else WIDTHS
    measured = yield from variants.measure(
        plan, [Variant(str(w), replace(plan.settings, hidden_widths=(w,))) for w in widths]
    )
    reference = widths.index(256)
    pairs = variants.against(measured, reference, plan)
    seconds = [one.seconds for one in measured]
    return Finding(
        f"Width of one hidden layer: {plan.in_words}",
        variants.headers("width", measured[reference], plan),
        variants.rows(measured, pairs, plan.matters),
        variants.in_words("width", measured, pairs, reference, plan)
        + f" An epoch of one network took {seconds[0]:.3f} s at width {widths[0]} and "
        f"{seconds[-1]:.3f} s at width {widths[-1]}.",
        [
            Panel(plan.panel_title, "width", plan.metric,
                  [variants.series(measured, widths)], is_log_x=True),
            Panel("Time", "width", "seconds an epoch and network",
                  [Series("", widths, seconds)], is_log_x=True, is_log_y=True),
        ],
        variants.document(measured),
    )  # fmt: skip
