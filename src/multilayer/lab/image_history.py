"""The lines of history.jsonl of a run on pictures."""

from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multilayer.engine.records import EpochRecord


def as_history_line(record: "EpochRecord") -> dict[str, Any]:
    """A record as history.jsonl has it: means over the members."""
    line: dict[str, Any] = {
        "epoch": record.epoch,
        "num_steps": record.num_steps,
        "train_loss": fmean(record.train_loss),
    }
    if record.validation is not None:
        line["validation_loss"] = fmean(record.validation.loss)
        if record.validation.accuracy is not None:
            line["validation_accuracy"] = fmean(record.validation.accuracy)
    line["seconds"] = record.seconds
    if record.is_interrupted:
        line["is_interrupted"] = True
    return line
