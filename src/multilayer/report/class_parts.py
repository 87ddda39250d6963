"""What a report shows of answers that are classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.drawing.html.chart import Chart
from multilayer.drawing.html.charts import calibration_chart
from multilayer.drawing.html.content import Confusion
from multilayer.metrics.calibration import reliability_of_answers
from multilayer.metrics.intervals import wilson_interval

_MOST_CLASSES = 40
_NUM_BINS = 10  # of confidence

Array = NDArray[Any]


def confusion_of(class_names: Sequence[str], truths: Array, answers: Array) -> Confusion:
    """The confusion matrix; of very many classes those with the most mistakes.

    Args:
        class_names: one for each class.
        truths: the true class of each row, (num_rows,).
        answers: the class that was answered, (num_rows,).
    """
    num_classes = len(class_names)
    cells = truths * num_classes + answers
    matrix = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    of_class, of_label, right = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    shown: Array = np.arange(num_classes)
    if num_classes > _MOST_CLASSES:
        wrong = of_class + of_label - 2 * right
        shown = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
    return Confusion(
        [class_names[number] for number in shown],
        matrix[np.ix_(shown, shown)].tolist(),
        [share(right[number], of_label[number]) for number in shown],
        [share(right[number], of_class[number]) for number in shown],
        of_class[shown].tolist(),
        f"Of {num_classes} classes, the {len(shown)} with the most mistakes are shown."
        if len(shown) < num_classes
        else "",
    )


def calibration_of(confidences: Array, is_right: Array, name: str) -> Chart:
    """The reliability diagram of a run.

    Args:
        confidences: probability given to each answer, (num_rows,).
        is_right: whether it was right, (num_rows,).
        name: of the run.
    """
    found = reliability_of_answers(confidences, is_right, _NUM_BINS)
    counts = [int(count) for count in found.counts]
    shares = found.accuracies.tolist()
    return calibration_chart(
        list(zip(found.confidences.tolist(), shares, strict=True)),
        [wilson_interval(round(p * n), n) for p, n in zip(shares, counts, strict=True)],
        counts,
        found.expected_error,
        name,
    )


def share(part: int, whole: int) -> str:
    """A share as it is shown."""
    return f"{part / whole:.3f}" if whole else "none"
