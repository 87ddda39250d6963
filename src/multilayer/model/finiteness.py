"""Refuse predictions that are not finite. This needs no PyTorch."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import PredictionError


def check_answers(answers: NDArray[Any], axis: int = 0) -> None:
    """Check that all predictions are finite.

    Args:
        answers: of any shape.
        axis: of the rows.

    Raises:
        PredictionError: one is NaN or infinite; the message names the first such row.
    """
    if math.isfinite(np.vdot(answers, answers)):  # one pass; it may overflow where all are finite
        return
    is_finite = np.isfinite(answers)
    if not is_finite.all():
        others = tuple(other for other in range(answers.ndim) if other != axis)
        row = int((~is_finite.all(axis=others)).argmax())
        raise PredictionError(
            f"the network's prediction for row {row + 1} is not a finite number: its inputs or "
            "its weights are too large"
        )
