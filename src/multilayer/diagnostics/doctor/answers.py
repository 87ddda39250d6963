"""Rules on what the network says, and on the data."""

import numpy as np

from multilayer.diagnostics.doctor.evidence import Answers, Diagnosis, Evidence
from multilayer.fit.split import FEWEST_ROWS_TO_DIVIDE
from multilayer.metrics.intervals import wilson_interval
from multilayer.recipes.recipes import HELD_OUT_FRACTION

_FEWEST_OF_A_CLASS = 10
_MANY_COPIES = 0.01
_FEWEST_CLASSES = 4
_MUCH_NOISE = 0.05
_FEWEST_ROWS = 500
_WIDE = 0.02  # half of an interval of accuracy
_WIDE_ERROR = 0.1  # half of an interval of the RMSE, as a share of it
_LITTLE_BETTER = 0.01  # accuracy, or R², that nobody would train a network for


def class_never_predicted(evidence: Evidence) -> Diagnosis | None:
    """A class with rows enough that the network never says."""
    if evidence.validation is None:
        return None
    num_classes = len(evidence.class_names)
    there = np.bincount(evidence.validation.labels, minlength=num_classes)
    said = np.bincount(evidence.validation.predicted, minlength=num_classes)
    missing = np.flatnonzero((there >= _FEWEST_OF_A_CLASS) & (said == 0))
    if not len(missing):
        return None
    names = ", ".join(evidence.class_names[number] for number in missing)
    return Diagnosis(
        "a class is never predicted",
        f"{names}: {int(there[missing].sum()):,} of {len(evidence.validation.labels):,} validation "
        "rows are of this class, and none was predicted to be",
        evidence.command(max_epochs=2 * evidence.settings.max_epochs, initialization="he"),
    )


def leak(evidence: Evidence) -> Diagnosis | None:
    """Validation rows that were trained on as well, or a column that is the target itself."""
    if evidence.leaking_column is not None:
        return Diagnosis(
            "leak suspected",
            f"the column {evidence.leaking_column!r} alone determines the target in all rows "
            "looked at: see whether it is known before the target is",
            evidence.command_without(evidence.leaking_column),
        )
    if not evidence.num_copies or evidence.num_copies < _MANY_COPIES * evidence.num_validation_rows:
        return None
    share = evidence.num_copies / evidence.num_validation_rows
    if evidence.is_pack:  # it cannot be without held-out rows
        next_step = evidence.command()
    elif evidence.validates_on_test:  # then the rest is no better, but at least it is counted
        next_step = evidence.command(validation_fraction=0.1)
    else:
        next_step = evidence.command(validation_fraction=0.0)
    return Diagnosis(
        "leak suspected",
        f"{evidence.num_copies:,} of {evidence.num_validation_rows:,} validation rows "
        f"({share:.1%}) are also among the training rows: remove the duplicates from the "
        "data, their scores are not those of new rows",
        next_step,
    )


def label_noise(evidence: Evidence) -> Diagnosis | None:
    """Labels that are wrong regardless of what the pictures look like.

    Classes that look alike are confused with each other, and few pairs do. Labels mixed up by
    chance put every class among what the network takes for another one: the median over pairs of
    the share of a label among the rows given another, times the number of other classes, is the
    share of labels mixed up.
    """
    shares = [
        _mixed_up(answers, len(evidence.class_names))
        for answers in (evidence.validation, evidence.train)
        if answers is not None and len(answers.labels) >= _FEWEST_ROWS
    ]
    if not shares or max(shares) < _MUCH_NOISE:
        return None
    return Diagnosis(
        "label noise suspected",
        f"about {max(shares):.0%} of the labels look mixed up by chance: all classes are found "
        "among what the network takes for each other one, and not only those that look alike",
        evidence.command(label_smoothing=0.1),
    )


def too_few_validation_rows(evidence: Evidence) -> Diagnosis | None:
    """So few validation rows that accuracies or errors on them say little."""
    next_step = _comparison(evidence)
    if evidence.error_interval is not None and evidence.num_validation_rows:
        error, lowest, highest = evidence.error_interval
        if (highest - lowest) / 2 <= _WIDE_ERROR * error:
            return None
        return Diagnosis(
            "few validation rows",
            f"the RMSE of {error:.4g} on {evidence.num_validation_rows:,} validation rows is known "
            f"to within {(highest - lowest) / 2 / error:.0%}: smaller differences between runs or "
            "epochs say nothing",
            next_step,
        )
    if evidence.validation is None or not evidence.num_validation_rows:
        return None
    num_rows = evidence.num_validation_rows
    low, high = wilson_interval(round(evidence.validation.accuracy * num_rows), num_rows)
    if (high - low) / 2 <= _WIDE:
        return None
    return Diagnosis(
        "few validation rows",
        f"accuracy on {num_rows:,} validation rows is known to within {(high - low) / 2:.3f}: "
        "smaller differences between runs or epochs say nothing",
        next_step,
    )


def no_better_than_guessing(evidence: Evidence) -> Diagnosis | None:
    """Scores that one answer for all rows has as well."""
    if evidence.explained_share is not None and evidence.explained_share < _LITTLE_BETTER:
        return Diagnosis(
            "no better than guessing",
            f"R² on {evidence.num_validation_rows:,} validation rows is "
            f"{evidence.explained_share:.3f}; always answering the mean has 0",
            _comparison(evidence),
        )
    if evidence.validation is None or not len(evidence.validation.labels):
        return None
    counts = np.bincount(evidence.validation.labels)
    majority, accuracy = float(counts.max() / counts.sum()), evidence.validation.accuracy
    if accuracy >= majority + _LITTLE_BETTER:
        return None
    return Diagnosis(
        "no better than guessing",
        f"accuracy on {counts.sum():,} validation rows is {accuracy:.3f}; always answering "
        f"{evidence.class_names[counts.argmax()]} has {majority:.3f}",
        _comparison(evidence),
    )


def nothing_held_out(evidence: Evidence) -> Diagnosis | None:
    """No validation rows at all: nothing is known of new rows."""
    if evidence.rows is None or evidence.num_validation_rows or evidence.is_diverged:
        return None
    return Diagnosis(
        "nothing held out",
        f"the network was trained on all {len(evidence.rows.train):,} rows, so that nothing "
        f"shows how it does on new ones; from {FEWEST_ROWS_TO_DIVIDE} rows on some can be held out",
        evidence.command(validation_fraction=HELD_OUT_FRACTION),
    )


def _comparison(evidence: Evidence) -> str:
    """The command that compares the run's recipe with another one."""
    if evidence.rows is not None and evidence.rows.fit is not None:
        return evidence.comparison("default", "fast")
    return evidence.comparison("chapter", "hidden_widths=512")


def _mixed_up(answers: Answers, num_classes: int) -> float:
    """Share of labels that are wrong by chance, see `label_noise`."""
    if num_classes < _FEWEST_CLASSES:
        return 0.0
    cells = np.bincount(
        answers.predicted * num_classes + answers.labels, minlength=num_classes**2
    ).reshape(num_classes, num_classes)
    totals = cells.sum(axis=1)
    is_said = totals >= _FEWEST_OF_A_CLASS * num_classes
    if is_said.sum() < _FEWEST_CLASSES:
        return 0.0
    shares = cells[is_said] / totals[is_said, None]
    is_other = ~np.eye(num_classes, dtype=bool)[is_said]
    return float(np.median(shares[is_other])) * (num_classes - 1)
