"""`multilayer doctor`."""

from multilayer.cli import exit_codes


def doctor(run: str, /) -> int:
    """Say what may be wrong with a run, what shows it, and what to try next.

    Looks at the learning curves, at what the layers do with training rows, and at what the network
    says. Exits 0 whatever it finds: a finding is something to look at, not a failure.

    Args:
        run: a run folder of `multilayer train` on pictures.
    """
    from multilayer.lab.doctor.examination import RULES
    from multilayer.lab.doctor.examination import doctor as diagnoses_of

    found = diagnoses_of(run)
    if not found:
        print(f"{run}: none of {len(RULES)} rules found anything")
    for diagnosis in found:
        print(f"{diagnosis.name}: {diagnosis.evidence}\n  try: {diagnosis.next_step}")
    return exit_codes.SUCCESS
