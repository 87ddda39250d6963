"""Two numbers that make probabilities mean what they say.

(1 − base share) softmax(logits / temperature) + base share × the shares of the classes.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A network that is never wrong on the held-out rows would ask for a temperature of 0.
_COLDEST, _HOTTEST = 0.05, 20.0
_BISECTIONS = 50
# A few rows ask for the coldest or the hottest by chance: log T is drawn towards log 2, as what is
# fitted to a small table is too certain.
FEW_ROWS, PRIOR_TEMPERATURE = 20, 2.0
_PRIOR_DEVIATION = 0.7
FEW_ROWS_TO_MIX = 50  # as many need the temperature alone
_TEMPERATURES = np.geomspace(0.3, _HOTTEST, 25)
_PRIOR_ROWS = 0.5  # that only the shares of the classes explain


def fit_temperature(
    logits: Array,
    targets: NDArray[np.int64],
    weights: Array | None,
    num_rows: int | None = None,
) -> float:
    """The temperature with the least cross entropy on rows that were not trained on.

    With β = 1 / temperature the derivative Σ w (E_softmax(βz)[z] − z_target) rises in β, so that
    its zero is found by bisection (Guo et al., "On calibration of modern neural networks", 2017).

    Args:
        logits: (num_rows, num_classes); for several yes-or-no targets, (num_rows, num_targets).
        targets: the true class (num_rows,), or 0 and 1 (num_rows, num_targets).
        weights: of the rows, (num_rows,); None counts all alike.
        num_rows: how many rows of the table they are; of fewer than 20 the temperature is drawn
            towards 2 (a normal prior on its logarithm). None: enough.

    Returns:
        A number from 0.05 to 20.
    """
    if targets.ndim == 2:  # each yes-or-no is a choice between the logits z and 0
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
    """The temperature, and how much of the shares of the classes to mix in.

    Both are chosen together, as a high temperature would else do what
    mixing does better; a normal prior on log T is centred at log 2.

    Args:
        logits: (num_rows, num_classes), of rows that were not trained on.
        shares: of the classes, (num_classes,).
        targets: the true class, (num_rows,).
        weights: of the rows, (num_rows,); None counts all alike.
        num_rows: how many rows of the table they are.
    """
    logits = logits - logits.max(axis=1, keepdims=True)

    def mixed(temperature: float) -> tuple[float, float, float]:
        """The penalised log likelihood, with the two numbers that give it."""
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
    """How much of the shares of the classes to mix into probabilities.

    The log likelihood of (1 − s) p + s × shares is concave in s; with the logarithm of s beside
    it, as a fraction of a row, its derivative falls from infinity, so that bisection finds where
    it is 0. Of many rows that the network tells apart s goes to 0.

    Args:
        probabilities: (num_rows, num_classes), of rows that were not trained on.
        shares: of the classes, (num_classes,).
        targets: the true class, (num_rows,).
        weights: of the rows, (num_rows,); None counts all alike.
        num_rows: how many rows of the table they are.

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
