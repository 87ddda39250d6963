"""How good a model is on the rows of a table whose targets are known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.reading.table_format import TableFormat
from multilayer.encoding.targets import Targets
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import OutputError, RunFolderError
from multilayer.files import check_is_no_link
from multilayer.metrics.calibration import Reliability, reliability
from multilayer.runs.model_rows import rows_for_model
from multilayer.fit.moved_data import file_digest
from multilayer.runs.run_documents import read_json
from multilayer.runs.run_folder import model_path
from multilayer.runs.data_of_run import format_of_run
from multilayer.metrics.table_scores import Score, absent_classes, absent_in_words, scores_of
from multilayer.model.model_file import load_model
from multilayer.model.model import Model
from multilayer.drawing.pictures import save_confusion_matrix
from multilayer.drawing.reliability import save_reliability_diagram

_MOST_CLASSES_DRAWN = 60
_COVERAGE = 0.9

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableEvaluation:
    """Scores on the rows of a table.

    Attributes:
        num_rows: rows with a target.
        num_without_target: rows left out because their target is missing.
        num_unknown: rows left out because their label is no class of the model.
        notes: what a person should know of the rows, a sentence each.
        scores: each with its interval.
        reliability: of the probabilities of a classification; None for other tasks.
        confusion_matrix: rows of each true class (down) given each answer; None for other tasks.
        coverage: asked for of intervals or sets, and how much was covered; None where the model
            has none.
        targets: what is predicted.
    """

    num_rows: int
    num_without_target: int
    num_unknown: int
    notes: tuple[str, ...]
    scores: list[Score]
    targets: Targets
    reliability: Reliability | None = None
    confusion_matrix: NDArray[np.int64] | None = None
    coverage: tuple[float, float] | None = None

    def of_classes(self) -> list[tuple[str, float, float, int]]:
        """Name, precision, recall and rows of each class; NaN where a share is not defined."""
        matrix = self.confusion_matrix
        if matrix is None:
            return []
        with np.errstate(invalid="ignore"):
            precision = np.diag(matrix) / matrix.sum(axis=0)
            recall = np.diag(matrix) / matrix.sum(axis=1)
        return [
            (str(label), float(precision[n]), float(recall[n]), int(matrix[n].sum()))
            for n, label in enumerate(self.targets.classes)
        ]

    def to_json(self) -> dict[str, Any]:
        """All figures as a JSON document, null where one is not defined."""
        matrix, bins = self.confusion_matrix, self.reliability
        return {
            "task": self.targets.task,
            "target": list(self.targets.names),
            "num_rows": self.num_rows,
            "num_rows_without_target": self.num_without_target,
            "num_rows_of_unknown_classes": self.num_unknown,
            "notes": list(self.notes),
            "scores": [score.to_json() for score in self.scores],
            "classes": [
                {
                    "class": label,
                    "precision": None if np.isnan(precision) else precision,
                    "recall": None if np.isnan(recall) else recall,
                    "num_rows": num_rows,
                }
                for label, precision, recall, num_rows in self.of_classes()
            ],
            "confusion_matrix": None if matrix is None else matrix.tolist(),
            "expected_calibration_error": None if bins is None else float(bins.expected_error),
            "coverage": None
            if self.coverage is None
            else {"asked": self.coverage[0], "covered": self.coverage[1]},
        }


def evaluate_table(
    model: Model, data: str | Path, *, table_format: TableFormat | None = None
) -> TableEvaluation:
    """Score a model on a file.

    Args:
        model: fitted to a table of the same columns.
        data: a file that `read_table` takes, with the target.
        table_format: how the file is written; None: its content says.

    Raises:
        TableError: the file cannot be read, columns are missing, or no row has a target.
    """
    found = rows_for_model(model, data, table_format)
    rows = found.rows
    assert rows.numbers is not None
    truths = model.targets.encode(rows.targets, rows.numbers)
    unseen = UnseenValues()
    outputs = model.member_outputs(rows.frame, str(data), unseen=unseen)
    if model.targets.task == "regression":
        answers = model.member_numbers(outputs).mean(axis=0)
    else:
        answers = model.member_probabilities(outputs).mean(axis=0)
    notes = (*found.notes, *unseen.sentences())
    absent = absent_classes(model.targets, truths)
    if absent:
        notes += (absent_in_words(absent, len(model.targets.classes)),)
    evaluation = TableEvaluation(
        len(rows),
        found.left_out.num_without_target,
        found.num_unknown,
        notes,
        scores_of(model.targets, answers, truths),
        model.targets,
    )
    if model.targets.task == "multilabel":
        return evaluation
    if model.targets.task == "regression":
        if model.conformal is None or model.conformal.num_rows < 1 / (1 - _COVERAGE):
            return evaluation
        numbers = model.targets.scale.restore(truths)
        low, high = model.intervals_of(model.member_numbers(outputs), _COVERAGE)
        covered = float(((low <= numbers) & (numbers <= high)).mean())
        return replace(evaluation, coverage=(_COVERAGE, covered))
    if model.conformal is not None:
        is_in = model.sets_of(model.member_probabilities(outputs), _COVERAGE)
        covered = float(is_in[np.arange(len(rows)), truths].mean())
        evaluation = replace(evaluation, coverage=(_COVERAGE, covered))
    num_classes = len(model.targets.classes)
    cells = truths * num_classes + answers.argmax(axis=1)
    matrix = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    return replace(evaluation, reliability=reliability(answers, truths), confusion_matrix=matrix)


def evaluate_table_run(
    run: str | Path,
    data: str | Path,
    output: str | Path | None = None,
    *,
    table_format: TableFormat | None = None,
) -> tuple[TableEvaluation, list[Path]]:
    """Evaluate a run's model on a file, and draw what can be drawn.

    Args:
        run: a run folder, or a model file.
        data: as `evaluate_table` takes it.
        output: an existing folder for the pictures; None: the run folder, and none for a file.
        table_format: how the file is written; None: as the run's, if it is the run's own file, and
            else as its content says.

    Returns:
        The scores, and the pictures written.

    Raises:
        RunFolderError, ModelFileError: the run is not whole.
        TableError: the data does not fit.
        OutputError: the pictures cannot be written.
    """
    model = load_model(model_path(run))
    folder = output if output is not None else run if Path(run).is_dir() else None
    if output is not None and not Path(output).is_dir():
        raise OutputError(f"the folder for the pictures, {output}, does not exist")
    names = ("reliability.png", "confusion_matrix.png")
    for name in names if folder is not None else ():
        check_is_no_link(Path(folder or "", name))
    evaluation = evaluate_table(model, data, table_format=table_format or format_of_run(run, data))
    known = _known_rows(run, data)
    if known is not None:
        evaluation = replace(evaluation, notes=(*evaluation.notes, known))
    pictures: list[Path] = []
    if folder is None or evaluation.reliability is None:
        return evaluation, pictures
    pictures.append(Path(folder, names[0]))
    bins = evaluation.reliability
    save_reliability_diagram(
        bins.confidences.tolist(), bins.accuracies.tolist(), bins.counts.tolist(),
        bins.expected_error, pictures[-1],
    )  # fmt: skip
    matrix = evaluation.confusion_matrix
    if matrix is not None and len(matrix) <= _MOST_CLASSES_DRAWN:
        pictures.append(Path(folder, names[1]))
        save_confusion_matrix(matrix, [str(c) for c in model.targets.classes], pictures[-1])
    return evaluation, pictures


def _known_rows(run: str | Path, data: str | Path) -> str | None:
    """A note if the rows are those that the run was trained or measured on."""
    if not Path(run).is_dir():
        return None
    try:
        origin = read_json(run, "settings.json")["data"]
        digests = {name: origin.get(name) for name in ("sha256", "validation_sha256")}
    except (AttributeError, KeyError, TypeError, RunFolderError):
        return None
    if not any(digests.values()):
        return None
    digest = file_digest(data)
    if digest is not None and digest == digests["sha256"]:
        return (
            f"{data} is the file that {run} was trained on: on rows that it has learned from, "
            "scores say little about new ones"
        )
    if digest is not None and digest == digests["validation_sha256"]:
        return (
            f"{data} is the file whose rows chose the epoch and the calibration of {run}: scores "
            "on new rows may be a little worse"
        )
    return None
