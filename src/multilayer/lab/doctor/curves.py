"""Rules on the learning curves."""

from itertools import pairwise

from multilayer.lab.doctor.diagnosis import Diagnosis
from multilayer.lab.doctor.evidence import Evidence

_SMALL_FALL = 0.01  # of a loss in nats, that nobody would train longer for
_FEWEST_EPOCHS = 4  # below, a curve says nothing


def rate_too_high(evidence: Evidence) -> Diagnosis | None:
    """The loss diverged, rose again, or never fell below that of guessing."""
    rate = evidence.settings.learning_rate
    next_step = evidence.command(learning_rate=rate / 10 if evidence.is_diverged else rate / 3)
    if evidence.is_diverged:
        epoch = next(
            (line["epoch"] for line in evidence.history if line["train_loss"] is None),
            len(evidence.history) + 1,
        )
        return Diagnosis(
            "learning rate too high",
            f"the loss stopped being a finite number in epoch {epoch} at the rate {rate:g}",
            next_step,
        )
    losses = evidence.curve("train_loss")
    guessing = evidence.guessing_loss
    # Of a loss next to nothing a percent is noise.
    noise = _SMALL_FALL * (guessing or max(losses))
    num_rises = sum(
        later > 1.02 * earlier and later > earlier + noise for earlier, later in pairwise(losses)
    )
    if len(losses) >= _FEWEST_EPOCHS and num_rises >= max(2, len(losses) / 4):
        return Diagnosis(
            "learning rate too high",
            f"the training loss rose by more than 2% in {num_rises} of {len(losses) - 1} epochs, "
            f"at the rate {rate:g}",
            next_step,
        )
    if guessing and losses[-1] > 1.02 * guessing and len(losses) >= _FEWEST_EPOCHS:
        return Diagnosis(
            "learning rate too high",
            f"the training loss ended at {losses[-1]:.4f}, where guessing has {guessing:.4f}, at "
            f"the rate {rate:g}",
            next_step,
        )
    is_up = losses[-1] > 1.1 * min(losses) and losses[-1] > min(losses) + noise
    if is_up and len(losses) >= _FEWEST_EPOCHS:
        return Diagnosis(
            "learning rate too high",
            f"the training loss ended at {losses[-1]:.4f} after it had been {min(losses):.4f}, at "
            f"the rate {rate:g}",
            next_step,
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
            f"the training loss fell by {last_fall:.4f} in the last epoch, as on the way "
            f"({mean_fall:.4f} an epoch), and is {losses[-1]:.4f} where guessing has {start:.4f}",
            evidence.command(learning_rate=rate * 10),
        )
    return None


def still_improving(evidence: Evidence) -> Diagnosis | None:
    """The loss on the watched rows was still falling when the training ended."""
    losses = evidence.curve("validation_loss")
    if evidence.is_diverged or len(losses) < _FEWEST_EPOCHS or rate_too_low(evidence):
        return None
    part = max(2, len(losses) // 4)
    before, after = _mean(losses[-2 * part : -part]), _mean(losses[-part:])
    if after < min(0.98 * before, before - _SMALL_FALL) and min(losses[-part:]) == min(losses):
        epochs = evidence.settings.max_epochs
        return Diagnosis(
            "still improving at the end",
            f"the validation loss was {after:.4f} over the last {part} epochs and {before:.4f} "
            f"over the {part} before, {1 - after / before:.1%} more",
            evidence.command(max_epochs=2 * epochs),
        )
    return None


def overfitting(evidence: Evidence) -> Diagnosis | None:
    """The loss on the watched rows rises from some epoch on while the training loss falls."""
    watched, learned = evidence.curve("validation_loss"), evidence.curve("train_loss")
    if evidence.is_diverged or len(watched) < _FEWEST_EPOCHS:
        return None
    best = min(range(len(watched)), key=watched.__getitem__)
    rest = watched[best + 1 :]
    if len(rest) >= 2 and _mean(rest[-2:]) > 1.05 * watched[best] and learned[-1] < learned[best]:
        if evidence.settings.selection == "last":
            fraction = evidence.settings.validation_fraction or 0.1
            next_step = evidence.command(selection="loss", patience=5, validation_fraction=fraction)
        else:
            next_step = evidence.command(dropout=min(0.5, evidence.settings.dropout + 0.2))
        return Diagnosis(
            f"overfitting from epoch {best + 1}",
            f"the validation loss was {watched[best]:.4f} in epoch {best + 1} and is "
            f"{watched[-1]:.4f} in the end, while the training loss went on from "
            f"{learned[best]:.4f} to {learned[-1]:.4f}",
            next_step,
        )
    return None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
