"""How good answers are, each figure with an interval."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import enumerated
from multilayer.encoding.targets import Targets
from multilayer.metrics.intervals import wilson_interval

Array = NDArray[np.float64]

_NUM_RESAMPLES = 300
_LEAST_PROBABILITY = 1e-15  # the logarithm of 0 would make one row outweigh all others


@dataclass(frozen=True)
class Score:
    """A figure with its 95% interval on rows of this kind; NaN where it is not defined.

    Attributes:
        name: of the score.
        value: of the model.
        low: end of the interval.
        high: end of the interval.
        baseline: what the best constant answer for these rows has: the most frequent class, the
            classes' frequencies, the mean, the median or a quantile.
    """

    name: str
    value: float
    low: float
    high: float
    baseline: float = np.nan

    def to_json(self) -> dict[str, Any]:
        """With None in the place of what is not defined."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def scores_of(targets: Targets, answers: Array, truths: NDArray[Any]) -> list[Score]:
    """The scores that belong to a task.

    Args:
        targets: what is predicted.
        answers: probabilities, or numbers as they are in the table, (num_rows, num_outputs).
        truths: as `targets.encode` gives them.
    """
    if targets.is_classification:
        return class_scores(answers, truths)
    if targets.task == "multilabel":
        return label_scores(answers, truths.astype(np.int64))
    numbers, central = targets.scale.restore(truths), targets.scale.central(answers)
    scores = []
    for column, name in enumerate(targets.names):
        prefix = f"{name}: " if len(targets.names) > 1 else ""
        of_column = number_scores(central[:, column], numbers[:, column])
        if targets.scale.quantiles:
            quantiles = targets.scale.by_quantile(answers)[:, column]
            of_column += quantile_scores(quantiles, numbers[:, column], targets.scale.quantiles)
        if targets.scale.are_counts:
            of_column.append(poisson_score(central[:, column], numbers[:, column]))
        scores += [replace(score, name=prefix + score.name) for score in of_column]
    return scores


def class_scores(probabilities: Array, classes: NDArray[np.int64]) -> list[Score]:
    """Accuracy, log loss and calibration; for two classes the area under the ROC curve too.

    Args:
        probabilities: (num_rows, num_classes).
        classes: what is true, (num_rows,).
    """
    num_rows, num_classes = probabilities.shape
    is_right = probabilities.argmax(axis=1) == classes
    frequencies = np.bincount(classes, minlength=num_classes) / num_rows
    scores = [
        Score(
            "accuracy",
            float(is_right.mean()),
            *wilson_interval(int(is_right.sum()), num_rows),
            float(frequencies.max()),
        )
    ]
    if num_classes > 2:
        balanced = _resampled("balanced accuracy", _balanced_accuracy(is_right, classes), num_rows)
        scores.append(replace(balanced, baseline=1 / int((frequencies > 0).sum())))
    of_truth = probabilities[np.arange(num_rows), classes]
    losses = -np.log(np.maximum(of_truth, _LEAST_PROBABILITY))
    scores.append(
        replace(_resampled("log loss", _mean(losses), num_rows), baseline=_entropy(frequencies))
    )
    if num_classes == 2:
        area = _resampled("ROC AUC", _area(probabilities[:, 1], classes), num_rows)
        scores.append(replace(area, baseline=0.5))
    return scores


def loss_and_accuracy(probabilities: NDArray[Any], labels: NDArray[Any]) -> tuple[float, float]:
    """Log loss and accuracy alone, without intervals, which take longer.

    Args:
        probabilities: (num_rows, num_classes).
        labels: numbers of the true classes, (num_rows,).
    """
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())


def label_scores(probabilities: Array, truths: NDArray[np.int64]) -> list[Score]:
    """Scores of several yes-or-no answers for each row.

    Args:
        probabilities: of yes, (num_rows, num_labels).
        truths: 0 or 1, (num_rows, num_labels).
    """
    num_rows = len(truths)
    is_right = (probabilities > 0.5) == truths
    clipped = np.clip(probabilities, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    losses = -np.where(truths == 1, np.log(clipped), np.log1p(-clipped)).mean(axis=1)
    is_all_right = is_right.all(axis=1)
    shares = truths.mean(axis=0)
    _, counts = np.unique(truths, axis=0, return_counts=True)
    entropy = np.mean([_entropy(np.array([share, 1 - share])) for share in shares])
    of_label = _resampled("accuracy of a label", _mean(is_right.mean(axis=1)), num_rows)
    log_loss = _resampled("log loss", _mean(losses), num_rows)
    return [
        Score(
            "all labels right",
            float(is_all_right.mean()),
            *wilson_interval(int(is_all_right.sum()), num_rows),
            float(counts.max() / num_rows),
        ),
        replace(of_label, baseline=float(np.maximum(shares, 1 - shares).mean())),
        replace(log_loss, baseline=float(entropy)),
    ]


def number_scores(predictions: Array, targets: Array) -> list[Score]:
    """Root mean square error, mean absolute error and R² of one column, each (num_rows,)."""
    errors, num_rows = predictions - targets, len(targets)
    rmse = _resampled("RMSE", lambda shares: float(np.sqrt(shares @ errors**2)), num_rows)
    mae = _resampled("MAE", _mean(np.abs(errors)), num_rows)
    explained = _resampled("R²", _explained(errors, targets), num_rows)
    return [
        replace(rmse, baseline=float(targets.std())),
        replace(mae, baseline=float(np.abs(targets - np.median(targets)).mean())),
        replace(explained, baseline=0.0 if np.isfinite(explained.value) else np.nan),
    ]


def quantile_scores(quantiles: Array, targets: Array, levels: Sequence[float]) -> list[Score]:
    """Of each quantile the pinball loss, and the share of targets at or below it.

    Args:
        quantiles: predicted, (num_rows, num_quantiles).
        targets: (num_rows,).
        levels: which quantiles they are.
    """
    scores = []
    for quantile, level in zip(quantiles.T, levels, strict=True):
        above = targets - quantile
        losses = np.maximum(level * above, (level - 1) * above)
        num_below = int((above <= 0).sum())
        rest = targets - np.quantile(targets, level)
        pinball = _resampled(f"pinball loss of quantile {level:g}", _mean(losses), len(targets))
        scores += [
            replace(pinball, baseline=float(np.maximum(level * rest, (level - 1) * rest).mean())),
            Score(
                f"share below quantile {level:g}",
                num_below / len(targets),
                *wilson_interval(num_below, len(targets)),
            ),
        ]
    return scores


def poisson_score(rates: Array, counts: Array) -> Score:
    """Mean of Poisson's deviance 2 (t log(t / r) − t + r), each (num_rows,); NaN at a rate of 0."""
    if not (rates > 0).all():
        return Score("Poisson deviance", np.nan, np.nan, np.nan)
    score = _resampled("Poisson deviance", _mean(_deviances(rates, counts)), len(counts))
    mean = np.full(len(counts), counts.mean())
    return replace(score, baseline=float(_deviances(mean, counts).mean()) if mean.any() else 0.0)


def _deviances(rates: Array, counts: Array) -> Array:
    logarithms = np.log(np.where(counts > 0, counts, 1) / rates)
    deviances: Array = 2 * (counts * logarithms - counts + rates)
    return deviances


def absent_classes(targets: Targets, truths: NDArray[Any]) -> list[str]:
    """The classes that no row has, by name; none of other tasks.

    Args:
        targets: what is predicted.
        truths: as `targets.encode` gives them.
    """
    if not targets.is_classification:
        return []
    counts = np.bincount(truths, minlength=len(targets.classes))
    return [str(label) for label, count in zip(targets.classes, counts, strict=True) if count == 0]


def absent_in_words(names: Sequence[str], num_classes: int) -> str:
    """What it means for scores that classes are absent."""
    what = f"class {names[0]!r}" if len(names) == 1 else f"{len(names):,} of the classes"
    shown = "" if len(names) == 1 else f" ({enumerated(names, 5)})"
    balanced = f"; balanced accuracy is over the other {num_classes - len(names):,}"
    return (
        f"no row that is scored is of {what}{shown}, so nothing is said of "
        f"{'it' if len(names) == 1 else 'them'}{balanced if num_classes > 2 else ''}"
    )


def figure(value: float | None) -> str:
    """A figure with four digits, or all that it has before the point."""
    if value is None or np.isnan(value):
        return "none"
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _entropy(frequencies: Array) -> float:
    present = frequencies[frequencies > 0]
    return float(abs(present @ np.log(present)))


def _resampled(name: str, score: Callable[[Array], float], num_rows: int) -> Score:
    """A score and its interval by the bootstrap (Efron, 1979): percentiles over resamples.

    Args:
        name: of the score.
        score: takes how much each row counts, (num_rows,), summing to 1.
        num_rows: rows there are.
    """
    generator = np.random.default_rng(0)
    values = []
    for _ in range(_NUM_RESAMPLES):
        counts = np.bincount(generator.integers(num_rows, size=num_rows), minlength=num_rows)
        values.append(score(counts / num_rows))
    known = [value for value in values if np.isfinite(value)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (np.nan, np.nan)
    return Score(name, score(np.full(num_rows, 1 / num_rows)), float(low), float(high))


def _mean(of_rows: Array) -> Callable[[Array], float]:
    return lambda shares: float(shares @ of_rows)


def _explained(errors: Array, targets: Array) -> Callable[[Array], float]:
    """1 − Σ error² / Σ (target − mean)²; NaN where all targets are equal but for rounding."""
    rounding = (np.finfo(np.float64).eps * 10 * np.abs(targets).max(initial=0)) ** 2

    def score(shares: Array) -> float:
        variance = shares @ (targets - shares @ targets) ** 2
        return float(1 - shares @ errors**2 / variance) if variance > rounding else np.nan

    return score


def _balanced_accuracy(
    is_right: NDArray[np.bool_], classes: NDArray[np.int64]
) -> Callable[[Array], float]:
    """Mean recall of the classes that occur."""

    def score(shares: Array) -> float:
        of_class = np.bincount(classes, shares)
        right = np.bincount(classes, shares * is_right)
        return float((right[of_class > 0] / of_class[of_class > 0]).mean())

    return score


def _area(probabilities: Array, classes: NDArray[np.int64]) -> Callable[[Array], float]:
    """P(a row of class 1 gets more than one of class 0), equal ones counting half."""
    _, places = np.unique(probabilities, return_inverse=True)

    def score(shares: Array) -> float:
        ones = np.bincount(places, shares * classes)
        zeros = np.bincount(places, shares * (1 - classes))
        total = ones.sum() * zeros.sum()
        if total == 0:
            return np.nan
        return float(ones @ (np.cumsum(zeros) - zeros / 2) / total)

    return score
