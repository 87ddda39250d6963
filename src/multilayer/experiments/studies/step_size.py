"""Which learning rate is best, and how many rows a step should see."""

from dataclasses import replace

import numpy as np

from multilayer.drawing.panels import Panel, Series
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan
from multilayer.metrics.intervals import MeanInterval, mean_interval

FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 6.0, 10.0)
SIZES = (16, 64, 256, 1024, 4096)
QUICK_SIZES = (32, 128, 256, 512, 2048)


def study_learning_rate(plan: StudyPlan) -> StudySteps:
    """Eight rates, all trained as one population; the best of them after each epoch."""
    base = plan.settings.learning_rate
    rates = [float(f"{base * factor:.4g}") for factor in FACTORS]
    measured = yield from variants.measure(
        plan,
        [Variant(f"{rate:g}", replace(plan.settings, learning_rate=rate)) for rate in rates],
        with_curves=True,
    )
    reference = FACTORS.index(1.0)
    pairs = variants.against(measured, reference, plan)
    num_epochs = len(measured[0].curves)
    means = np.stack([one.curves.mean(1) for one in measured])  # (rates, epochs)
    epochs = [epoch for epoch in (1, 2, 3, 5, 10, 20, 30, 50) if epoch <= num_epochs]
    best = {epoch: int(means[:, epoch - 1].argmax()) for epoch in epochs}
    by_epochs = "; ".join(
        f"{rates[best[epoch]]:g} after {epoch} epoch{'s' * (epoch > 1)} "
        f"({means[best[epoch], epoch - 1]:.4f})"
        for epoch in epochs
    )
    slow, last = measured[FACTORS.index(0.1)], num_epochs - 1
    gain = mean_interval(slow.curves[last] - slow.curves[last // 2])
    return results.study_result(
        "Learning rate", "learning rate", "the learning rate {}", measured, pairs, reference, plan,
        f"{about_epochs(list(best.values()), by_epochs)} "
        f"{about_slow_rate(slow.variant.name, gain)}",
        [
            Panel(f"{plan.panel_title}, after the last epoch\n{results.WHAT_IS_DRAWN}",
                  "learning rate", plan.metric, [results.series(measured, rates)], is_log_x=True),
            Panel("After different numbers of epochs", "learning rate", f"mean {plan.metric}",
                  [Series(f"{epoch} epoch{'s' * (epoch > 1)}", rates,
                          means[:, epoch - 1].tolist()) for epoch in epochs], is_log_x=True),
        ],
    )  # fmt: skip


def about_epochs(best: list[int], by_epochs: str) -> str:
    """Whether the best rate changed with the number of epochs.

    Args:
        best: number of the best rate after each number of epochs that was looked at.
        by_epochs: the same in words, with their means.
    """
    if len(set(best)) > 1:
        begin = "Which learning rate has the highest mean depends on the number of epochs"
    else:
        begin = "The same learning rate has the highest mean after every number of epochs"
    return f"{begin}: {by_epochs}."


def about_slow_rate(name: str, gain: MeanInterval) -> str:
    """Whether a small rate was still learning in the second half of its epochs."""
    interval = f"{gain.mean:+.4f}, 95% interval {gain.low:+.4f} to {gain.high:+.4f}"
    did = "was not shown to improve"
    if gain.low > 0:
        did = "still improved"
    elif gain.high < 0:
        did = "got worse"
    return (
        f"The learning rate {name}, a tenth of the reference, {did} in the second half of its "
        f"epochs ({interval})."
    )


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
                f"{size} (learning rate {base * size / 256:.3g})",
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
        f"With the learning rate {base:g} for all batch sizes: "
        f"{results.in_words('batch size {}', constant, pairs, reference, plan)} With a learning "
        f"rate in proportion to the batch size, {base:g} for 256: "
        f"{results.in_words('batch size {}', scaled, scaled_pairs, reference, plan)} Training one "
        f"network for an epoch took {seconds[0]:.3f} s with batches of {sizes[0]} and "
        f"{seconds[-1]:.3f} s with batches of {sizes[-1]}.",
        [
            Panel(f"{plan.panel_title}\n(bars: 95% interval of the mean)", "rows in a batch",
                  plan.metric,
                  [replace(results.series(constant, sizes, f"learning rate {base:g}"), dots=()),
                   replace(results.series(scaled, sizes, "learning rate in proportion"), dots=())],
                  is_log_x=True),
            results.seconds_panel(constant, "rows in a batch", sizes),
        ],
        {"constant_rate": results.document(constant), "scaled_rate": results.document(scaled)},
    )  # fmt: skip
