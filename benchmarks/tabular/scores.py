"""Scores of predictions, and the errors that tables are compared by."""

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

LEAST_PROBABILITY = float(np.finfo(np.float32).eps)


def score(metric: str, target: np.ndarray, predictions: np.ndarray) -> tuple[float, float]:
    """The metric, and beside it the accuracy (of numbers: the share of the variance explained).

    Args:
        metric: "roc_auc", "log_loss" or "rmse".
        target: class codes or numbers.
        predictions: a column of probabilities for each class, or numbers. Before the log loss,
            probabilities are kept above float32's epsilon and made to sum to one again.

    Raises:
        ValueError: a prediction is not finite.
    """
    if not np.isfinite(predictions).all():
        raise ValueError("a prediction is not finite")
    if metric == "rmse":
        error = float(root_mean_squared_error(target, predictions))
        return error, float(r2_score(target, predictions))
    accuracy = float(accuracy_score(target, predictions.argmax(axis=1)))
    if metric == "roc_auc":
        return float(roc_auc_score(target, predictions[:, 1])), accuracy
    clipped = np.maximum(predictions, LEAST_PROBABILITY)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    return float(log_loss(target, clipped, labels=range(predictions.shape[1]))), accuracy


def error(metric: str, value: float, target_deviation: float | None) -> float:
    """A score as an error: 1 − AUC, the log loss, or the RMSE over the target's deviation."""
    if metric == "roc_auc":
        return 1 - value
    if metric == "log_loss":
        return value
    assert target_deviation is not None
    return value / target_deviation
