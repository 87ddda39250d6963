"""All rules on one run."""

from pathlib import Path

from multilayer.diagnostics.doctor import answers, curves, network
from multilayer.diagnostics.doctor.evidence import Diagnosis, evidence_of
from multilayer.fit.fit import Fit
from multilayer.images.datasets import ImageDataset

RULES = (  # the gravest first
    curves.rate_too_high,
    answers.leak,
    network.exploding_gradients,
    network.vanishing_gradients,
    network.dead_neurons,
    network.saturation,
    curves.rate_too_low,
    answers.class_never_predicted,
    answers.no_better_than_guessing,
    answers.label_noise,
    curves.overfitting,
    curves.still_improving,
    answers.too_few_validation_rows,
    answers.nothing_held_out,
)


def doctor(
    run: str | Path,
    data: ImageDataset | Fit | str | Path | None = None,
    *,
    is_quick: bool = False,
) -> list[Diagnosis]:
    """What may be wrong with a run.

    Args:
        run: a run folder that `multilayer train`, `ImageRun` or `TableRun` left.
        data: what it trained on, where that is in memory, or where it is now; None: loaded again.
        is_quick: a look at 2,000 rows of each kind, and not for copies among them.

    Returns:
        Findings with their evidence, the gravest first; none where no rule found anything. Of two
        that would change the learning rate in opposite ways the graver one stays.

    Raises:
        RunFolderError: the folder is not whole, has no history, or is of another version.
        DataError: the data cannot be had any more.
    """
    evidence = evidence_of(run, data, is_quick=is_quick)
    found = [diagnosis for rule in RULES if (diagnosis := rule(evidence)) is not None]
    rate = evidence.settings.learning_rate
    rates = [one.learning_rate for one in found if one.learning_rate is not None]
    return [
        one
        for one in found
        if one.learning_rate is None or (one.learning_rate > rate) == (rates[0] > rate)
    ]
