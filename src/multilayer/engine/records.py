"""What the training loop says of each epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multilayer.engine.scores import Scores


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did; tuples hold one value for each member.

    Examples:
        >>> import torch
        >>> from multilayer import Examples, Network, NetworkSpec, recipe, train
        >>> inputs = torch.linspace(-1, 1, 64).reshape(-1, 1)
        >>> rows = Examples(inputs, (inputs[:, 0] > 0).long())
        >>> settings = recipe("chapter", learning_rate=0.5, max_epochs=30, batch_size=16)
        >>> network = Network.initialized(NetworkSpec(1, 2, (8,)), seeds=[0])
        >>> record = next(iter(train(network, rows, settings, validation=rows)))
        >>> record.epoch, record.num_steps, len(record.train_loss), len(record.validation.accuracy)
        (1, 4, 1, 1)
    """

    epoch: int  # from 1
    num_steps: int  # batches of this epoch that were trained on
    train_loss: tuple[float, ...]  # mean over the epoch's rows, each when its turn came
    validation: "Scores | None"
    seconds: float  # of this epoch, validation included
    is_interrupted: bool = False  # stopped before its last batch
    best_epoch: tuple[int, ...] | None = None  # so far, by the selection; None if that is the last
    wave: int | None = None  # of a pack: which of its populations, from 1
    mixture_loss: float | None = None  # of a pack: of the mixture so far, on held-out rows


def history_line(record: EpochRecord) -> dict[str, Any]:
    """A record as a line of history.jsonl: means over the members whose loss is finite."""
    line: dict[str, Any] = {
        "epoch": record.epoch,
        "num_steps": record.num_steps,
        "train_loss": _mean(record.train_loss, record.train_loss),
    }
    if record.validation is not None:
        losses = record.validation.loss
        line["validation_loss"] = _mean(losses, losses)
        if record.validation.accuracy is not None:
            line["validation_accuracy"] = _mean(record.validation.accuracy, losses)
        if record.validation.calibrated_loss is not None:
            calibrated = record.validation.calibrated_loss
            line["validation_calibrated_loss"] = _mean(calibrated, losses)
    if record.best_epoch is not None:
        line["best_epochs"] = list(record.best_epoch)
    if record.wave is not None:
        line["wave"] = record.wave
    if record.mixture_loss is not None:
        line["mixture_loss"] = record.mixture_loss
    line["seconds"] = record.seconds
    if record.is_interrupted:
        line["is_interrupted"] = True
    return line


def _mean(values: Sequence[float], losses: Sequence[float]) -> float:
    """Over the members with a finite loss, of which training leaves at least one."""
    chosen = [value for value, loss in zip(values, losses, strict=True) if math.isfinite(loss)]
    return math.fsum(chosen) / len(chosen)
