"""`multilayer evaluate` on a table."""

import math
from typing import TYPE_CHECKING

from multilayer.cli.tables import print_table
from multilayer.cli.terminal import listed, note, say
from multilayer.errors import SettingsError, escaped

if TYPE_CHECKING:
    from multilayer.data.table_format import TableFormat
    from multilayer.lab.table_evaluation import TableEvaluation

_MOST_CLASSES_PRINTED = 20


def evaluate_table(
    run: str, data: str | None, output: str | None, table_format: "TableFormat | None" = None
) -> int:
    """Score a model on a file and print what there is to know."""
    if data is None:
        raise SettingsError(
            f"{run} predicts from tables; name a file with rows it has not learned from"
        )
    from multilayer.lab.table_evaluation import evaluate_table_run

    evaluation, pictures = evaluate_table_run(run, data, output, table_format=table_format)
    targets = evaluation.targets
    for text in evaluation.notes:
        note(text)
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
        ["score", "value", "95% interval"],
        [
            [score.name, _figure(score.value), f"{_figure(score.low)} to {_figure(score.high)}"]
            for score in evaluation.scores
        ],
    )
    if evaluation.reliability is not None:
        say(f"\nexpected calibration error {evaluation.reliability.expected_error:.4f}")
    if evaluation.coverage is not None:
        asked, covered = evaluation.coverage
        what = "intervals" if targets.task == "regression" else "sets of classes"
        say(f"{what} of coverage {asked:g} hold the truth in {covered:.1%} of the rows")
    _print_confusion(evaluation)
    for picture in pictures:
        say(picture)
    return 0


def _figure(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.4g}"


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
