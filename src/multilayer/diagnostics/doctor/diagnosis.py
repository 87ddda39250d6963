"""One thing that may be wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """What a rule found.

    Args:
        name: of the finding, in a few words.
        evidence: the figures of the run that say so.
        next_step: a command to try, and nothing else.
        learning_rate: that the command trains with; None: the rule leaves it as it is.
    """

    name: str
    evidence: str
    next_step: str
    learning_rate: float | None = None
