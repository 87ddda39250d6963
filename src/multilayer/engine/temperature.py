"""Calibrate probabilities by a temperature and a share of the class frequencies.

(1 − base share) softmax(logits / temperature) + base share × class frequencies.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Without bounds, a network that is never wrong on the held-out rows has a temperature of 0.
COLDEST, HOTTEST = 0.05, 20.0
_BISECTIONS = 50
_FEW_BISECTIONS = 13  # log T to 0.001: of the loss, which is least there, to a millionth
# What rows say of the temperature may be chance, however many they are: where one class in a
# hundred is predicted without an error, nothing bounds it from below. So log T has a normal prior,
# centred at log 1, and at log 2 for few rows: networks fitted to small tables are overconfident.
FEW_ROWS, PRIOR_TEMPERATURE = 20, 2.0
PRIOR_DEVIATION = 0.7
# Mixed with the uniform distribution, probabilities of logits that are further apart than this are
# equal in float64, and the order of the rows is lost: of 99 rows in 100 it must not be.
WIDEST_MARGIN, SHARE_IN_ORDER = 36.0, 0.99
FEW_ROWS_TO_MIX = 50  # with so many rows the temperature suffices
_TEMPERATURES = np.geomspace(0.3, HOTTEST, 25)
_PRIOR_ROWS = 0.5  # strength of the prior on the base share, in rows


def fit_temperature(
    logits: Array,
    targets: NDArray[np.int64],
    weights: Array | None,
    num_rows: int | None = None,
    num_bisections: int = _BISECTIONS,
) -> float:
    """The temperature that minimizes the cross entropy on held-out rows, and a prior's penalty.

    With β = 1 / temperature the derivative Σ w (E_softmax(βz)[z] − z_target) increases in β;
    its zero is found by bisection (Guo et al., "On calibration of modern neural networks", 2017).
    Of two classes, and of labels, it is so high that the probabilities order rows as the logits
    do, which a network that is never wrong on few rows of a class would lose.

    Args:
        logits: (num_rows, num_classes); for a multilabel task (num_rows, num_labels).
        targets: the true class, (num_rows,), or 0 and 1, (num_rows, num_labels).
        weights: sample weights, (num_rows,); None: all 1.
        num_rows: number of distinct rows, against which the normal prior on the logarithm of the
            temperature counts as one: its deviation is 0.7, its centre log 1, and log 2 with fewer
            than 20 rows. None: no prior.
        num_bisections: of the logarithm's range.

    Returns:
        A number from 0.05 to 20.
    """
    logits, targets, weights = _as_choices(logits, targets, weights)
    pull, centre = 0.0, 0.0
    if num_rows:
        pull = 1 / (PRIOR_DEVIATION**2 * num_rows)
        centre = np.log(PRIOR_TEMPERATURE) if num_rows < FEW_ROWS else 0.0
    shares = _shares(weights, len(logits))
    logits = logits - logits.max(axis=1, keepdims=True)
    of_targets = shares @ logits[np.arange(len(logits)), targets]
    low, high = np.log(1 / HOTTEST), np.log(1 / _coldest(logits))
    for _ in range(num_bisections):
        middle = (low + high) / 2
        exponentials = np.exp(np.exp(middle) * logits)
        means = (exponentials * logits).sum(axis=1) / exponentials.sum(axis=1)
        slope = (shares @ means - of_targets) * np.exp(middle) + pull * (middle + centre)
        low, high = (middle, high) if slope < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def tempered_cross_entropy(
    logits: Array, targets: NDArray[np.int64], weights: Array | None
) -> float:
    """The mean cross entropy that is left once the temperature is fitted to the same rows.

    Args:
        logits: (num_rows, num_classes); for a multilabel task (num_rows, num_labels).
        targets: the true class, (num_rows,), or 0 and 1, (num_rows, num_labels).
        weights: sample weights, (num_rows,); None: all 1.
    """
    num_rows = len(logits)
    logits, targets, weights = _as_choices(logits, targets, weights)
    temperature = fit_temperature(logits, targets, weights, num_rows, _FEW_BISECTIONS)
    logits = (logits - logits.max(axis=1, keepdims=True)) / temperature
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), targets]
    return float(_shares(weights, len(logits)) @ losses)


def _as_choices(
    logits: Array, targets: NDArray[np.int64], weights: Array | None
) -> tuple[Array, NDArray[np.int64], Array | None]:
    """Binary labels as choices between the logits 0 and z; classes as they are."""
    if targets.ndim == 1:
        return logits, targets, weights
    weights = None if weights is None else np.repeat(weights, targets.shape[1])
    return (
        np.stack([np.zeros(targets.size), logits.reshape(-1)], axis=1),
        targets.reshape(-1),
        weights,
    )


def _shares(weights: Array | None, num_rows: int) -> Array:
    if weights is None:
        return np.full(num_rows, 1 / num_rows)
    shares: Array = weights / weights.sum()
    return shares


def _coldest(logits: Array) -> float:
    """The least temperature; the largest logit of each row is 0."""
    if logits.shape[1] != 2:
        return COLDEST
    widest = np.quantile(-logits.min(axis=1), SHARE_IN_ORDER)
    return float(np.clip(widest / WIDEST_MARGIN, COLDEST, HOTTEST))


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
        distance = np.log(temperature / PRIOR_TEMPERATURE) / PRIOR_DEVIATION
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
    row_shares = _shares(weights, len(targets))
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
