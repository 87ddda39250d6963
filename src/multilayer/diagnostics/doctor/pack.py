"""Rules on the draws of a pack, and on their mixture."""

from multilayer.diagnostics.doctor.evidence import Diagnosis, Evidence
from multilayer.drawing.pack_history import groups_of

_MANY_DIVERGED = 0.25
_MUCH_BETTER = 0.01  # lower a loss, as a share of it
_ENDED = {"all draws": "all draws were trained", "time over": "the time was over"}


def draws_diverge(evidence: Evidence) -> Diagnosis | None:
    """Draws that a pack trained for nothing."""
    if evidence.pack is None:
        return None
    num_draws = evidence.pack["num_draws"]
    num_diverged = evidence.pack.get("ends", {}).get("diverged", 0)
    if num_diverged <= _MANY_DIVERGED * num_draws:
        return None
    rate = evidence.settings.learning_rate
    return Diagnosis(
        "draws diverge",
        f"the loss of {num_diverged} of {num_draws} draws stopped being a finite number, at rates "
        f"drawn around {rate:g}",
        evidence.command(learning_rate=rate / 3),
        rate / 3,
    )


def more_draws(evidence: Evidence) -> Diagnosis | None:
    """A mixture that its last draws made much better, when there were no more."""
    if evidence.pack is None:
        return None
    ended = _ENDED.get(str(evidence.pack.get("ended")))
    ends = [group[-1].get("mixture_loss") for group in groups_of(evidence.history)]
    if ended is None or len(ends) < 2 or ends[-1] is None or ends[-2] is None:
        return None
    gain = (ends[-2] - ends[-1]) / (abs(ends[-2]) or 1.0)
    if gain < _MUCH_BETTER:
        return None
    settings = evidence.settings
    more: dict[str, float] = {"num_draws": 2 * settings.num_draws}
    if settings.time_limit and ended == _ENDED["time over"]:
        more = {"time_limit": 2 * settings.time_limit}
    return Diagnosis(
        "more draws may be better",
        f"the last draws lowered the mixture's loss by {gain:.1%}, from {ends[-2]:.4g} to "
        f"{ends[-1]:.4g}, and {ended}",
        evidence.command(**more),
    )
