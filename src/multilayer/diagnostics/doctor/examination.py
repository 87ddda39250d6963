"""All rules on one run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from multilayer.diagnostics.doctor import answers, curves, network, pack
from multilayer.diagnostics.doctor.evidence import Diagnosis, Evidence, evidence_of
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

# Of a pack, whose history is that of many networks, one group after the other.
RULES_OF_PACKS = (
    answers.leak,
    pack.draws_diverge,
    answers.class_never_predicted,
    answers.no_better_than_guessing,
    answers.label_noise,
    pack.more_draws,
    answers.too_few_validation_rows,
)
SCOPE_OF_PACKS = (
    "a pack is judged by its data, its answers for held-out rows and its mixture; its networks "
    "differ and begin one after the other, so that there are no learning curves or layers to judge"
)


def rules_of(evidence: Evidence) -> Sequence[Callable[[Evidence], Diagnosis | None]]:
    """The rules that a run is judged by."""
    return RULES_OF_PACKS if evidence.is_pack else RULES


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

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, Run, RunConfiguration
        >>> configuration = RunConfiguration(
        ...     "surface.csv", ColumnRoles(("y",)), "fast", {"max_epochs": 3}, output="runs/surface"
        ... )
        >>> run = Run(configuration)
        >>> num_epochs = sum(1 for epoch in run.epochs())
        >>> results = run.finish()
        >>> from multilayer import doctor
        >>> findings = doctor("runs/surface")
        >>> "few validation rows" in [finding.name for finding in findings]
        True
    """
    return findings(evidence_of(run, data, is_quick=is_quick))


def findings(evidence: Evidence) -> list[Diagnosis]:
    """What the rules find, see `doctor`."""
    found = [diagnosis for rule in rules_of(evidence) if (diagnosis := rule(evidence)) is not None]
    rate = evidence.settings.learning_rate
    rates = [one.learning_rate for one in found if one.learning_rate is not None]
    return [
        one
        for one in found
        if one.learning_rate is None or (one.learning_rate > rate) == (rates[0] > rate)
    ]
