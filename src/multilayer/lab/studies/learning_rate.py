"""Which learning rate is best, and what it has to do with the number of epochs."""

from dataclasses import replace

import numpy as np

from multilayer.lab.intervals import mean_interval
from multilayer.lab.studies import variants
from multilayer.lab.studies.variants import Variant
from multilayer.lab.study import Finding, Progress, StudyPlan
from multilayer.report.panels import Panel, Series

FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 6.0, 10.0)


def study(plan: StudyPlan) -> Progress:
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
    by_epochs = ", ".join(
        f"{rates[best[epoch]]:g} after {epoch} ({means[best[epoch], epoch - 1]:.4f})"
        for epoch in epochs
    )
    slow, last = measured[FACTORS.index(0.1)], num_epochs - 1
    gain = mean_interval(slow.curves[last] - slow.curves[last // 2])
    return Finding(
        f"Learning rate: {plan.in_words}",
        variants.headers("learning rate", measured[reference]),
        variants.rows(measured, pairs, plan.matters),
        variants.in_words("the learning rate", measured, pairs, reference, plan)
        + f" The rate and the number of epochs are one choice: the best mean had, by epochs, "
        f"{by_epochs}. A tenth of the reference, {slow.variant.name}, still gained {gain.mean:.4f} "
        f"(95% interval {gain.low:.4f} to {gain.high:.4f}) in the second half of its epochs, and "
        "would go on with more of them.",
        [
            Panel("Accuracy on the rows held out, after the last epoch", "learning rate",
                  "accuracy", [variants.series(measured, rates)], is_log_x=True),
            Panel("After how many epochs", "learning rate", "mean accuracy",
                  [Series(f"{epoch} epoch{'s' * (epoch > 1)}", rates,
                          means[:, epoch - 1].tolist()) for epoch in epochs], is_log_x=True),
        ],
        variants.document(measured),
    )  # fmt: skip
