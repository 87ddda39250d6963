"""The records of all epochs as arrays of a file, and back.

A run may have very many short epochs, more than the document of a file may describe.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.records import EpochRecord
from multilayer.engine.scores import Scores

_WHOLE = ("epoch", "num_steps", "is_interrupted", "best_epoch", "wave")
_SCORES = ("validation_loss", "validation_accuracy", "validation_calibrated_loss")


def history_arrays(history: Sequence[EpochRecord]) -> dict[str, NDArray[Any]]:
    """The records as arrays by name, float64 and int64: (num_epochs,) or (num_epochs, num_members).

    What no record has, such as validation scores, has no array.
    """
    columns: dict[str, list[Any]] = {
        "epoch": [record.epoch for record in history],
        "num_steps": [record.num_steps for record in history],
        "train_loss": [record.train_loss for record in history],
        "seconds": [record.seconds for record in history],
        "is_interrupted": [record.is_interrupted for record in history],
    }
    scores = [record.validation for record in history if record.validation is not None]
    if scores:
        columns["validation_loss"] = [one.loss for one in scores]
        if scores[0].accuracy is not None:
            columns["validation_accuracy"] = [one.accuracy for one in scores]
        if scores[0].calibrated_loss is not None:
            columns["validation_calibrated_loss"] = [one.calibrated_loss for one in scores]
    best = [record.best_epoch for record in history if record.best_epoch is not None]
    if best:
        columns["best_epoch"] = best
    if history and history[0].wave is not None:
        columns["wave"] = [record.wave for record in history]
        losses = [record.mixture_loss for record in history]
        columns["mixture_loss"] = [np.nan if loss is None else loss for loss in losses]
    return {
        name: np.array(values, np.int64 if name in _WHOLE else np.float64)
        for name, values in columns.items()
    }


def history_of_arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[EpochRecord, ...]:
    """The records that `history_arrays` was given.

    Raises:
        KeyError, TypeError, ValueError: the arrays are not such ones.
    """
    num_epochs = len(arrays["epoch"])
    for name, values in arrays.items():
        if len(values) != num_epochs or (name in _WHOLE) != (values.dtype == np.int64):
            raise ValueError(f"history {name} has {len(values)} rows of {values.dtype}")
    columns = {name: values.tolist() for name, values in arrays.items()}
    for name in (*_SCORES, "train_loss", "best_epoch"):
        if name in columns:
            columns[name] = [tuple(row) for row in columns[name]]
    unknown = [None] * num_epochs
    validation: list[Scores | None] = unknown  # type: ignore[assignment]
    if "validation_loss" in columns:
        validation = list(map(Scores, *(columns.get(name, unknown) for name in _SCORES)))
    return tuple(
        EpochRecord(
            whole_number(epoch, 1), whole_number(num_steps, 1), loss, scores, seconds,
            bool(is_interrupted), best, wave, None if mixed is None or mixed != mixed else mixed,
        )
        for epoch, num_steps, loss, scores, seconds, is_interrupted, best, wave, mixed in zip(
            columns["epoch"], columns["num_steps"], columns["train_loss"], validation,
            columns["seconds"], columns["is_interrupted"], columns.get("best_epoch", unknown),
            columns.get("wave", unknown), columns.get("mixture_loss", unknown), strict=True,
        )
    )  # fmt: skip


def record_of_json(document: dict[str, Any]) -> EpochRecord:
    """A record as checkpoints of earlier versions hold it.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """

    def floats(name: str) -> tuple[float, ...]:
        return tuple(map(float, document[name]))

    validation = None
    if document["validation_loss"] is not None:
        has_accuracy = document["validation_accuracy"] is not None
        validation = Scores(
            floats("validation_loss"), floats("validation_accuracy") if has_accuracy else None
        )
    best = document["best_epoch"]
    return EpochRecord(
        epoch=whole_number(document["epoch"], 1),
        num_steps=whole_number(document["num_steps"], 1),
        train_loss=floats("train_loss"),
        validation=validation,
        seconds=float(document["seconds"]),
        is_interrupted=bool(document["is_interrupted"]),
        best_epoch=None if best is None else tuple(whole_number(epoch, 0) for epoch in best),
    )


def whole_number(value: Any, smallest: int) -> int:
    """The value, if it is a whole number.

    Raises:
        ValueError: it is not, or less than `smallest`.
    """
    if type(value) is not int or value < smallest:
        raise ValueError(f"{value!r} must be a whole number of at least {smallest}")
    return value
