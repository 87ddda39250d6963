"""How good probabilities of classes are, without the intervals that need a bootstrap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_PROBABILITY = 1e-15


def loss_and_accuracy(probabilities: NDArray[Any], labels: NDArray[Any]) -> tuple[float, float]:
    """Mean cross entropy and accuracy.

    Args:
        probabilities: (num_rows, num_classes).
        labels: numbers of the true classes, (num_rows,).
    """
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())
