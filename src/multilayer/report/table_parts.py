"""What a report shows of a model of tables, from rows that it did not learn from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.drawing.html.chart import Bar, BarTable, Table
from multilayer.drawing.html.charts import residual_chart
from multilayer.drawing.html.content import Mistake
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import RunFolderError
from multilayer.fit.rows import Rows
from multilayer.metrics.importance import Importance, permutation_importance
from multilayer.model.answers import Answers
from multilayer.report.class_parts import calibration_of, confusion_of, share
from multilayer.report.needs_pytorch import layers_in_pytorch
from multilayer.runs.inspection import held_out_rows, members_holding_out

_MOST_MISTAKES = 20
_MOST_COLUMNS = 30
_NUM_ROWS_PASSED = 1024

Array = NDArray[Any]


def parts_on_rows(path: Path, model: Answers, name: str, loss: str) -> dict[str, Any]:
    """Fields of `RunContent` that need the rows that the run held out.

    Raises:
        RunFolderError: the rows are not there any more.
        TableError: they do not fit the model.
    """
    rows, reason = held_out_rows(path, model)
    if rows is None:
        raise RunFolderError(reason)
    truths = model.targets.encode(rows.targets)
    members = members_holding_out(path, rows)
    found = permutation_importance(model, rows.frame, rows.targets, members)
    parts = {
        "importance": _importance(found, len(rows)),
        **layers_in_pytorch(model, rows.take(np.arange(min(len(rows), _NUM_ROWS_PASSED))), loss),
    }
    if model.targets.task == "regression":
        return parts | _of_numbers(model, rows, truths, name)
    if model.targets.is_classification:
        return parts | _of_classes(model, rows, truths, name)
    return parts | _of_labels(model, rows, truths, name)


def _of_classes(model: Answers, rows: Rows, truths: Array, name: str) -> dict[str, Any]:
    probabilities = model.member_probabilities(_outputs(model, rows)).mean(axis=0)
    answers, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    names = [str(label) for label in model.targets.classes]
    wrong = np.flatnonzero(answers != truths)
    worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:_MOST_MISTAKES]
    return {
        "confusion": confusion_of(names, truths, answers),
        "calibration": calibration_of(confidences, answers == truths, name),
        "num_mistakes": len(wrong),
        "mistakes": [
            _mistake(model, rows, row, names[truths[row]], names[answers[row]],
                     f"{confidences[row]:.1%} sure")
            for row in worst.tolist()
        ],
    }  # fmt: skip


def _of_labels(model: Answers, rows: Rows, truths: Array, name: str) -> dict[str, Any]:
    probabilities = model.member_probabilities(_outputs(model, rows)).mean(axis=0)
    is_said, is_true = probabilities > 0.5, truths > 0.5
    is_wrong = is_said != is_true
    of_truth = np.where(is_true, probabilities, 1 - probabilities)
    # Rows with the most wrong labels first, of those with as many the surest.
    order = np.lexsort((of_truth.min(axis=1), -is_wrong.sum(axis=1)))
    wrong = order[is_wrong.any(axis=1)[order]]
    names = model.targets.names
    return {
        "labels": Table(
            f"Each label on {len(rows):,} rows that were held out",
            ["label", "rows with it", "answered right", "precision", "recall"],
            [_label_row(*of_label) for of_label in zip(names, is_said.T, is_true.T, strict=True)],
        ),
        "calibration": calibration_of(
            np.maximum(probabilities, 1 - probabilities).ravel(), ~is_wrong.ravel(), name
        ),
        "num_mistakes": len(wrong),
        "mistakes": [
            _mistake(model, rows, row, _labels(names, is_true[row]), _labels(names, is_said[row]),
                     f"{is_wrong[row].sum()} of {len(names)} labels wrong")
            for row in wrong[:_MOST_MISTAKES].tolist()
        ],
    }  # fmt: skip


def _outputs(model: Answers, rows: Rows) -> Array:
    """Outputs without warnings: `permutation_importance` gives those about unseen values.

    The rows are typed, so that a percent sign of the file is not in the frame any more.
    """
    return model.member_outputs(rows.frame, unseen=UnseenValues())


def _label_row(name: str, is_said: Array, is_true: Array) -> list[str]:
    num_both = int((is_said & is_true).sum())
    return [
        name,
        f"{int(is_true.sum()):,}",
        share(int((is_said == is_true).sum()), len(is_true)),
        share(num_both, int(is_said.sum())),
        share(num_both, int(is_true.sum())),
    ]


def _labels(names: Sequence[str], is_there: Array) -> str:
    there = [name for name, is_one in zip(names, is_there, strict=True) if is_one]
    return ", ".join(there) or "none"


def _of_numbers(model: Answers, rows: Rows, truths: Array, name: str) -> dict[str, Any]:
    said = model.targets.scale.central(model.member_numbers(_outputs(model, rows)).mean(axis=0))
    true = model.targets.scale.restore(truths)
    errors = said - true
    # Of several targets the one counts that is furthest off for what its values spread over.
    scaled = np.abs(errors) / np.maximum(model.targets.scale.deviations, np.finfo(np.float64).tiny)
    worst = np.argsort(-scaled.max(axis=1), kind="stable")[:_MOST_MISTAKES]
    targets = model.targets.names
    return {
        "residuals": [
            residual_chart(
                true[:, column].tolist(),
                said[:, column].tolist(),
                f"{target}, {name}",
            )
            for column, target in enumerate(targets)
        ],
        "mistakes": [
            _mistake(model, rows, row, _listed(true[row]), _listed(said[row]),
                     f"{_listed(errors[row], '+.4g')}")
            for row in worst.tolist()
        ],
    }  # fmt: skip


def _listed(numbers: Array, kind: str = ".4g") -> str:
    return ", ".join(format(number, kind) for number in numbers)


def _mistake(model: Answers, rows: Rows, row: int, truth: str, answer: str, detail: str) -> Mistake:
    columns = [column.name for column in model.table_schema.inputs][:_MOST_COLUMNS]
    values = rows.frame.row(row, named=True)
    place = row if rows.numbers is None else int(rows.numbers[row])
    inputs = {
        column: "missing" if values[column] is None else str(values[column])
        for column in columns
        if column in values
    }
    return Mistake(truth, answer, detail, place, inputs=inputs)


def _importance(found: Sequence[Importance], num_rows: int) -> BarTable:
    largest = max((one.rise for one in found), default=0.0)
    return BarTable(
        f"How much the loss rises when a column is shuffled, on {num_rows:,} rows that were held "
        "out: mean of five shuffles ± their deviation",
        ("column", "rise"),
        [
            Bar(
                one.column,
                f"{one.rise:.3g} ± {one.deviation:.1g}",
                max(0.0, one.rise / largest) if largest > 0 else 0.0,
            )
            for one in found
        ],
    )
