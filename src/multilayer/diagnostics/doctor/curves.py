"""Rules on the learning curves."""

from itertools import pairwise

from multilayer.diagnostics.doctor.evidence import Diagnosis, Evidence
from multilayer.errors import rate_after_divergence

_SMALL_FALL = 0.01  # of a loss in nats, that nobody would train longer for
_FEWEST_EPOCHS = 4  # below, a curve says nothing


def rate_too_high(evidence: Evidence) -> Diagnosis | None:
    """The loss diverged, rose again, or never fell below that of guessing.

    Where the schedule raises the rate, the loss may rise with it by design: such epochs do not
    count.
    """
    rate = evidence.settings.learning_rate
    lower = rate_after_divergence(rate) if evidence.is_diverged else rate / 3
    next_step = evidence.command(learning_rate=lower)
    if evidence.is_diverged:
        epoch = next(
            (line["epoch"] for line in evidence.history if line["train_loss"] is None),
            len(evidence.history) + 1,
        )
        return Diagnosis(
            "learning rate too high",
            f"the loss stopped being a finite number in epoch {epoch} at the rate {rate:g}",
            next_step,
            lower,
        )
    losses = evidence.curve("train_loss")
    guessing = evidence.guessing_loss
    # Of a loss next to nothing a percent is noise.
    noise = _SMALL_FALL * (guessing or max(losses))
    rates = evidence.rate_factors(len(losses))
    steady = [
        (earlier, later)
        for (earlier, rate_before), (later, rate_after) in pairwise(zip(losses, rates, strict=True))
        if rate_after <= rate_before
    ]
    num_rises = sum(later > 1.02 * earlier and later > earlier + noise for earlier, later in steady)
    if len(steady) >= _FEWEST_EPOCHS - 1 and num_rises >= max(2, (len(steady) + 1) / 4):
        return Diagnosis(
            "learning rate too high",
            f"the training loss rose by more than 2% in {num_rises} of {len(steady)} epochs in "
            f"which the schedule did not raise the rate, at the rate {rate:g}",
            next_step,
            lower,
        )
    # A loss near guessing's that has only fallen is that of a rate too low.
    has_only_fallen = losses[-1] <= losses[0] < 2 * (guessing or 0)
    is_above = bool(guessing) and losses[-1] > 1.02 * (guessing or 0)
    if is_above and not has_only_fallen and len(losses) >= _FEWEST_EPOCHS:
        return Diagnosis(
            "learning rate too high",
            f"the training loss ended at {losses[-1]:.4f}, at the rate {rate:g}; predicting the "
            f"class frequencies, or the mean, gives {guessing:.4f}",
            next_step,
            lower,
        )
    lowest = losses.index(min(losses))
    is_up = losses[-1] > 1.1 * losses[lowest] and losses[-1] > losses[lowest] + noise
    if is_up and rates[-1] <= rates[lowest] and len(losses) >= _FEWEST_EPOCHS:
        return Diagnosis(
            "learning rate too high",
            f"the training loss ended at {losses[-1]:.4f} after it had been {losses[lowest]:.4f}, "
            f"at the rate {rate:g}",
            next_step,
            lower,
        )
    return None


def rate_too_low(evidence: Evidence) -> Diagnosis | None:
    """The training loss falls by as much at the end as on the way, and is still far up."""
    losses = evidence.curve("train_loss")
    if evidence.is_diverged or len(losses) < _FEWEST_EPOCHS:
        return None
    start = evidence.guessing_loss
    if not start:
        return None
    mean_fall = (losses[0] - losses[-1]) / (len(losses) - 1)
    last_fall = losses[-2] - losses[-1]
    if losses[-1] > 0.5 * start and mean_fall > 0 and last_fall > 0.5 * mean_fall:
        rate = evidence.settings.learning_rate
        return Diagnosis(
            "learning rate too low",
            f"the training loss fell by {last_fall:.4f} in the last epoch and by {mean_fall:.4f} "
            f"in the mean epoch; it ended at {losses[-1]:.4f}, and the class frequencies, or "
            f"the mean, give {start:.4f}",
            evidence.command(learning_rate=rate * 10),
            rate * 10,
        )
    return None


def still_improving(evidence: Evidence) -> Diagnosis | None:
    """The validation loss was still falling when the training ended."""
    losses = evidence.validation_curve()
    if evidence.is_diverged or len(losses) < _FEWEST_EPOCHS:
        return None
    if rate_too_low(evidence) or overfitting(evidence):
        return None
    part = max(2, len(losses) // 4)
    before, after = _mean(losses[-2 * part : -part]), _mean(losses[-part:])
    if after < min(0.98 * before, before - _SMALL_FALL) and min(losses[-part:]) == min(losses):
        epochs = evidence.settings.max_epochs
        return Diagnosis(
            "still improving at the end",
            f"the mean {evidence.chosen_by} fell from {before:.4f} to {after:.4f}, by "
            f"{1 - after / before:.1%}, from {part} epochs to the last {part}",
            evidence.command(max_epochs=2 * epochs),
        )
    return None


def overfitting(evidence: Evidence) -> Diagnosis | None:
    """The validation loss rises from some epoch on while the training loss falls."""
    validation, train = evidence.validation_curve(), evidence.curve("train_loss")
    if evidence.is_diverged or len(validation) < _FEWEST_EPOCHS:
        return None
    best = min(range(len(validation)), key=validation.__getitem__)
    rest = validation[best + 1 :]
    if len(rest) >= 2 and _mean(rest[-2:]) > 1.05 * validation[best] and train[-1] < train[best]:
        if evidence.settings.selection == "last":
            fraction = evidence.settings.validation_fraction or 0.1
            next_step = evidence.command(selection="loss", patience=5, validation_fraction=fraction)
        else:
            next_step = evidence.command(dropout=min(0.5, evidence.settings.dropout + 0.2))
        return Diagnosis(
            f"overfitting from epoch {best + 1}",
            f"the {evidence.chosen_by} was {validation[best]:.4f} in epoch {best + 1} and is "
            f"{validation[-1]:.4f} in the end, while the training loss went on from "
            f"{train[best]:.4f} to {train[-1]:.4f}",
            next_step,
        )
    return None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
