"""`multilayer doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.cli import exit_codes
from multilayer.cli.terminal import own_command, say
from multilayer.errors import escaped

if TYPE_CHECKING:
    from multilayer.fit.fit import Fit
    from multilayer.images.datasets import ImageDataset


def doctor(run: str, data: str | None = None, /) -> int:
    """Say what may be wrong with a run, what shows it, and what to try next.

    Looks at the learning curves, at what the layers do with training rows, and at what the network
    says; of a pack at its answers and its mixture. Exits 0 whatever it finds: a finding is
    something to look at, not a failure.

    Args:
        run: a run folder of `multilayer train`.
        data: what it was trained on, if that has moved.
    """
    from multilayer.diagnostics.doctor.evidence import evidence_of
    from multilayer.diagnostics.doctor.examination import SCOPE_OF_PACKS, findings, rules_of

    evidence = evidence_of(run, data)
    found = findings(evidence)
    if evidence.is_pack:
        say(SCOPE_OF_PACKS)
    if not found:
        say(f"{run}: none of {len(rules_of(evidence))} rules found anything")
    for diagnosis in found:
        say(
            f"{escaped(diagnosis.name)}: {escaped(diagnosis.evidence)}\n"
            f"  try: {escaped(diagnosis.next_step)}"
        )
    return exit_codes.SUCCESS


def print_diagnoses(run: Path, data: "ImageDataset | Fit") -> None:
    """Say in a line what a quick look at a run finds, for the end of its training."""
    from multilayer.diagnostics.doctor.examination import doctor

    found = doctor(run, data, is_quick=True)
    names = ", ".join(diagnosis.name for diagnosis in found)
    more = f"{names}; {own_command('doctor', run)} says more"
    say(f"doctor: {more if found else 'nothing found'}")
