"""Calibrate probabilities by a temperature and a share of the class frequencies.

(1 − base share) softmax(logits / temperature) + base share × class frequencies.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Without bounds, a network that is never wrong on the held-out rows has a temperature of 0.
_COLDEST, _HOTTEST = 0.05, 20.0
_BISECTIONS = 50
# With few rows the temperature varies by chance, so that log T has a normal prior centred at log 2:
# networks fitted to small tables are overconfident.
FEW_ROWS, PRIOR_TEMPERATURE = 20, 2.0
_PRIOR_DEVIATION = 0.7
FEW_ROWS_TO_MIX = 50  # with so many rows the temperature suffices
_TEMPERATURES = np.geomspace(0.3, _HOTTEST, 25)
_PRIOR_ROWS = 0.5  # strength of the prior on the base share, in rows


def fit_temperature(
    logits: Array,
    targets: NDArray[np.int64],
    weights: Array | None,
    num_rows: int | None = None,
) -> float:
    """The temperature that minimizes the cross entropy on held-out rows.

    With β = 1 / temperature the derivative Σ w (E_softmax(βz)[z] − z_target) increases in β;
    its zero is found by bisection (Guo et al., "On calibration of modern neural networks", 2017).

    Args:
        logits: (num_rows, num_classes); for a multilabel task (num_rows, num_labels).
        targets: the true class, (num_rows,), or 0 and 1, (num_rows, num_labels).
        weights: sample weights, (num_rows,); None: all 1.
        num_rows: number of distinct rows; with fewer than 20 the logarithm of the temperature has a
            normal prior centred at log 2. None: no prior.

    Returns:
        A number from 0.05 to 20.
    """
    if targets.ndim == 2:  # a binary label is a choice between the logits z and 0
        weights = None if weights is None else np.repeat(weights, targets.shape[1])
        logits = np.stack([np.zeros(targets.size), logits.reshape(-1)], axis=1)
        targets = targets.reshape(-1)
    shares = np.full(len(logits), 1 / len(logits)) if weights is None else weights / weights.sum()
    logits = logits - logits.max(axis=1, keepdims=True)
    of_targets = shares @ logits[np.arange(len(logits)), targets]
    is_few = num_rows is not None and num_rows < FEW_ROWS
    pull = 1 / (_PRIOR_DEVIATION**2 * num_rows) if is_few and num_rows else 0.0
    low, high = np.log(1 / _HOTTEST), np.log(1 / _COLDEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        exponentials = np.exp(np.exp(middle) * logits)
        means = (exponentials * logits).sum(axis=1) / exponentials.sum(axis=1)
        if (shares @ means - of_targets) * np.exp(middle) + pull * (
            middle + np.log(PRIOR_TEMPERATURE)
        ) < 0:
            low = middle
        else:
            high = middle
    return float(np.exp(-(low + high) / 2))


def fit_mixture(
    logits: Array,
    shares: Array,
    targets: NDArray[np.int64],
    weights: Array | None,
    num_rows: int,
) -> tuple[float, float]:
    """The temperature, and the weight of the class frequencies in the mixture.

    Both are fitted jointly, as otherwise a high temperature stands in for mixing; log T has a
    normal prior centred at log 2.

    Args:
        logits: (num_rows, num_classes), of held-out rows.
        shares: class frequencies, (num_classes,).
        targets: the true class, (num_rows,).
        weights: sample weights, (num_rows,); None: all 1.
        num_rows: number of distinct rows.
    """
    logits = logits - logits.max(axis=1, keepdims=True)

    def mixed(temperature: float) -> tuple[float, float, float]:
        """The penalized log likelihood, the temperature, and the best share for it."""
        odds = np.exp(logits / temperature)
        odds /= odds.sum(axis=1, keepdims=True)
        share = fit_base_share(odds, shares, targets, weights, num_rows)
        of_truth = odds[np.arange(len(targets)), targets] * (1 - share) + share * shares[targets]
        of_rows = np.log(np.maximum(of_truth, 1e-300))
        mean = of_rows.mean() if weights is None else of_rows @ weights / weights.sum()
        distance = np.log(temperature / PRIOR_TEMPERATURE) / _PRIOR_DEVIATION
        score = num_rows * mean + _PRIOR_ROWS * np.log(share) - distance**2 / 2
        return float(score), temperature, share

    _, temperature, share = max(map(mixed, _TEMPERATURES.tolist()))
    return temperature, share


def fit_base_share(
    probabilities: Array,
    shares: Array,
    targets: NDArray[np.int64],
    weights: Array | None,
    num_rows: int,
) -> float:
    """The weight s of the class frequencies in the mixture.

    It maximizes the log likelihood of (1 − s) p + s × shares plus a prior of 0.5 log s, which is
    concave in s, by bisection. With many rows that the network classifies well s goes to 0.

    Args:
        probabilities: (num_rows, num_classes), of held-out rows.
        shares: class frequencies, (num_classes,).
        targets: the true class, (num_rows,).
        weights: sample weights, (num_rows,); None: all 1.
        num_rows: number of distinct rows.

    Returns:
        A number from 0 to 1.
    """
    row_shares = np.full(len(targets), 1 / len(targets))
    if weights is not None:
        row_shares = weights / weights.sum()
    of_network = probabilities[np.arange(len(targets)), targets]
    gains = shares[targets] - of_network
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        slope = row_shares @ (gains / (of_network + middle * gains))
        if slope + _PRIOR_ROWS / (num_rows * middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
