"""Reliability diagrams and the expected calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: predictions binned by confidence; empty bins are left out.

    Args:
        confidences: mean confidence in each bin, ascending.
        accuracies: accuracy in each bin.
        counts: rows in each bin.
    """

    confidences: Array
    accuracies: Array
    counts: NDArray[np.int64]

    @property
    def expected_error(self) -> float:
        """Expected calibration error: Σ n_b / n |accuracy_b − confidence_b|.

        Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.
        """
        gaps = np.abs(self.accuracies - self.confidences)
        return float(self.counts @ gaps / self.counts.sum())


def reliability_of_answers(
    confidences: Array, is_right: NDArray[np.bool_], num_bins: int = 15
) -> Reliability:
    """Bin predictions by confidence.

    Args:
        confidences: probability of the predicted class, (num_rows,).
        is_right: whether the prediction is correct, (num_rows,).
        num_bins: equally wide bins from 0 to 1.
    """
    bins = np.minimum((confidences * num_bins).astype(np.int64), num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    filled = counts > 0
    return Reliability(
        np.bincount(bins, confidences, num_bins)[filled] / counts[filled],
        np.bincount(bins, is_right, num_bins)[filled] / counts[filled],
        counts[filled],
    )
