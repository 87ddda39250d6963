"""How many rows a step should see."""

from dataclasses import replace

from multilayer.drawing.panels import Panel
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan

SIZES = (16, 64, 256, 1024, 4096)
QUICK_SIZES = (32, 128, 256, 512, 2048)


def study_batch_size(plan: StudyPlan) -> StudySteps:
    """Batches of growing size, at one learning rate and at one that grows with them."""
    sizes = QUICK_SIZES if plan.is_quick else SIZES
    reference = sizes.index(256)
    base = plan.settings.learning_rate
    constant = yield from variants.measure(
        plan, [Variant(str(size), replace(plan.settings, batch_size=size)) for size in sizes]
    )
    scaled = yield from variants.measure(
        plan,
        [
            Variant(
                f"{size}, rate {base * size / 256:.3g}",
                replace(plan.settings, batch_size=size, learning_rate=base * size / 256),
            )
            for size in sizes
        ],
    )
    pairs = variants.against(constant, reference, plan)
    scaled_pairs = variants.against(scaled, reference, plan)
    seconds = [one.seconds for one in constant]
    return StudyResult(
        f"Batch size: {plan.in_words}",
        results.headers("batch size", constant[reference], plan),
        results.rows(constant, pairs, plan.matters)
        + results.rows(scaled, scaled_pairs, plan.matters),
        f"At the learning rate {base:g}: "
        f"{results.in_words('the batch size', constant, pairs, reference, plan)} At a rate in "
        "proportion to the batch: "
        f"{results.in_words('the batch size', scaled, scaled_pairs, reference, plan)} An epoch of "
        f"one network took {seconds[0]:.3f} s with batches of {sizes[0]} and {seconds[-1]:.3f} s "
        f"with batches of {sizes[-1]}.",
        [
            Panel(plan.panel_title, "rows in a batch", plan.metric,
                  [replace(results.series(constant, sizes, f"learning rate {base:g}"), dots=()),
                   replace(results.series(scaled, sizes, "rate in proportion"), dots=())],
                  is_log_x=True),
            results.seconds_panel(constant, "rows in a batch", sizes),
        ],
        {"constant_rate": results.document(constant), "scaled_rate": results.document(scaled)},
    )  # fmt: skip
