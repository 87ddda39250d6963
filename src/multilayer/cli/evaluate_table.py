"""`multilayer evaluate` on a table."""

import json
import math
from typing import TYPE_CHECKING

from multilayer.cli.terminal import listed, note, print_table, say
from multilayer.errors import SettingsError, escaped

if TYPE_CHECKING:
    from multilayer.reading.table_format import TableFormat
    from multilayer.runs.table_evaluation import TableEvaluation

_MOST_CLASSES_PRINTED = 20
_MOST_ROWS_PRINTED = 60


def evaluate_table(
    run: str,
    data: str | None,
    output: str | None,
    table_format: "TableFormat | None" = None,
    *,
    as_json: bool = False,
) -> int:
    """Score a model on a file and print what there is to know."""
    if data is None:
        raise SettingsError(
            f"{run} predicts from tables; name a file with rows it has not learned from"
        )
    from multilayer.metrics.table_scores import figure
    from multilayer.runs.table_evaluation import evaluate_table_run

    evaluation, pictures = evaluate_table_run(run, data, output, table_format=table_format)
    targets = evaluation.targets
    for text in evaluation.notes:
        note(text)
    if as_json:
        say(json.dumps(evaluation.to_json(), indent=2))
        return 0
    left_out = (
        f" ({evaluation.num_without_target:,} more have no target)"
        if evaluation.num_without_target
        else ""
    )
    say(
        f"{escaped(data)}: {evaluation.num_rows:,} rows{left_out}, "
        f"{targets.task} of {listed(targets.names)}"
    )
    print_table(
        ["score", "value", "95% interval", "best constant"],
        [
            [
                score.name,
                figure(score.value),
                f"{figure(score.low)} to {figure(score.high)}",
                figure(score.baseline),
            ]
            for score in evaluation.scores
        ],
    )
    if evaluation.reliability is not None:
        say(f"\nexpected calibration error {evaluation.reliability.expected_error:.4f}")
    if evaluation.coverage is not None:
        asked, covered = evaluation.coverage
        what = "intervals" if targets.task == "regression" else "sets of classes"
        say(f"{what} of coverage {asked:g} hold the truth in {covered:.1%} of the rows")
    _print_classes(evaluation)
    _print_confusion(evaluation)
    for picture in pictures:
        say(picture)
    return 0


def _print_classes(evaluation: "TableEvaluation") -> None:
    rows = evaluation.of_classes()
    if not rows:
        return
    print_table(
        ["class", "precision", "recall", "rows"],
        [
            [label, _share(precision), _share(recall), f"{num_rows:,}"]
            for label, precision, recall, num_rows in rows[:_MOST_ROWS_PRINTED]
        ],
    )
    if len(rows) > _MOST_ROWS_PRINTED:
        say(f"and {len(rows) - _MOST_ROWS_PRINTED:,} more; --json has all")


def _share(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"


def _print_confusion(evaluation: "TableEvaluation") -> None:
    """True classes down, answers across."""
    matrix = evaluation.confusion_matrix
    if matrix is None or len(matrix) > _MOST_CLASSES_PRINTED:
        return
    names = [str(label) for label in evaluation.targets.classes]
    print_table(
        ["true \\ predicted", *names],
        [
            [name, *(f"{count:,}" for count in counts)]
            for name, counts in zip(names, matrix, strict=True)
        ],
    )
