"""Which networks a mixture is made of, found on predictions for held-out rows.

Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models" (2004).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LossOf = Callable[
    [Array], Array
]  # of predictions, (…, num_rows, num_values), the loss of each, (…)

MOST_ADDED = 32
_MOST_VALUES_AT_ONCE = 2**24
_EQUAL = 1e-12  # losses that differ by less do so by rounding


def greedy_counts(
    predictions: Array, loss_of: LossOf, most_added: int = MOST_ADDED
) -> NDArray[np.int64]:
    """How often each candidate is in the mixture of the least loss that is found greedily.

    Begin with none. Add, with repetition, the candidate that makes the loss of the mean of all that
    were added least, the first of equals, `most_added` times; of the mixtures on that way the one
    of the least loss is taken, the first of equals.

    Args:
        predictions: for held-out rows, (num_candidates, num_rows, num_values).
        loss_of: the loss to make least.
        most_added: how many are added at most.

    Returns:
        (num_candidates,), at least one of them above 0.

    Raises:
        ValueError: there is no candidate, or none has a finite loss.
    """
    num_candidates, num_rows, num_values = predictions.shape
    at_once = max(1, _MOST_VALUES_AT_ONCE // max(num_rows * num_values, 1))
    total = np.zeros((num_rows, num_values))
    added: list[int] = []
    best_loss, best_length = np.inf, 0
    for number in range(1, most_added + 1):
        losses = np.concatenate(
            [
                loss_of((total + predictions[start : start + at_once]) / number)
                for start in range(0, num_candidates, at_once)
            ]
        )
        losses[~np.isfinite(losses)] = np.inf
        least = losses.min()
        if not np.isfinite(least):
            break
        chosen = int((losses <= least + _EQUAL).argmax())
        added.append(chosen)
        total += predictions[chosen]
        if losses[chosen] < best_loss - _EQUAL:
            best_loss, best_length = losses[chosen], number
    if not best_length:
        raise ValueError("no candidate has a finite loss")
    return np.bincount(added[:best_length], minlength=num_candidates)


def mixture_loss(predictions: Array, counts: NDArray[np.int64], loss_of: LossOf) -> float:
    """The loss of a mixture.

    Args:
        predictions: of all candidates, (num_candidates, num_rows, num_values).
        counts: of each in the mixture, (num_candidates,).
        loss_of: the loss.
    """
    shares = counts / counts.sum()
    return float(loss_of(np.tensordot(shares, predictions, axes=1)))


def losses_without(
    predictions: Array, counts: NDArray[np.int64], loss_of: LossOf
) -> NDArray[np.float64]:
    """The loss of the mixture once each of its candidates is left out, (num_candidates,).

    NaN for candidates that are not in it, and for one that is alone.
    """
    found = np.full(len(counts), np.nan)
    for candidate in np.flatnonzero(counts):
        rest = np.where(np.arange(len(counts)) == candidate, 0, counts)
        if rest.any():
            found[candidate] = mixture_loss(predictions, rest, loss_of)
    return found
