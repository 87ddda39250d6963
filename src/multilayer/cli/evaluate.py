"""`multilayer evaluate`."""

import json
import math
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from multilayer.cli.argument_types import OptionalDataArgument, OptionalOutput
from multilayer.cli.table_flags import FormatFlags
from multilayer.cli.terminal import listed, note, print_table, say
from multilayer.errors import escaped

if TYPE_CHECKING:
    from multilayer.metrics.evaluation import Evaluation

_MOST_CLASSES_PRINTED = 20
_MOST_ROWS_PRINTED = 60
_WIDEST_NAMES = 60  # of all classes together, above the columns of a confusion matrix


def evaluate(
    run: str,
    data: OptionalDataArgument = None,
    /,
    *,
    data_dir: str | None = None,
    output: OptionalOutput = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    table: Annotated[FormatFlags, Parameter(name="*")] = FormatFlags(),  # noqa: B008 (frozen)
) -> int:
    """Score a trained network on the test images of a data set, or on the rows of a table.

    It prints the scores of the task with 95% intervals, beside those of the best constant answer;
    of classes precision and recall of each and the confusion matrix; and how well probabilities,
    intervals and sets keep what they promise. Of classes it writes reliability.png and
    confusion_matrix.png, of images mistakes.png too.

    Args:
        run: a run folder, or a model file.
        data: 'fashion-mnist', 'digits' or an MNIST-like folder; left out: what it was trained on.
            For a model of tables, a file with the target column.
        data_dir: folder to look for the data set's files in first.
        output: folder for the pictures. Left out: the run folder.
        as_json: print all figures as one JSON document instead of tables.
    """
    from multilayer.model.model_file import load_predictor
    from multilayer.runs.run_folder import model_path

    is_of_images = load_predictor(model_path(run)).image_shape is not None
    if is_of_images:
        table.require_none_for_images()
    from multilayer.runs.evaluation import evaluate_run

    evaluation, pictures = evaluate_run(
        run, data, data_dir=data_dir, output=output, table_format=table.given_format()
    )
    for text in evaluation.notes:
        note(text)
    if as_json:
        say(json.dumps(evaluation.to_json(), indent=2))
        return 0
    _print_scores(evaluation, is_of_images=is_of_images)
    _print_classes(evaluation)
    _print_confusion(evaluation)
    for picture in pictures:
        say(picture)
    return 0


def _print_scores(evaluation: "Evaluation", *, is_of_images: bool) -> None:
    from multilayer.metrics.scores import figure

    targets = evaluation.targets
    if is_of_images:
        say(f"{escaped(evaluation.data)}: {evaluation.num_rows:,} test images")
    else:
        left_out = (
            f" ({evaluation.num_without_target:,} more have no target)"
            if evaluation.num_without_target
            else ""
        )
        say(
            f"{escaped(evaluation.data)}: {evaluation.num_rows:,} rows{left_out}, "
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


def _print_classes(evaluation: "Evaluation") -> None:
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


def _print_confusion(evaluation: "Evaluation") -> None:
    """True classes down, answers across, by number where the names would be too wide."""
    matrix = evaluation.confusion_matrix
    if matrix is None or len(matrix) > _MOST_CLASSES_PRINTED:
        return
    names = across = list(evaluation.class_names)
    if sum(map(len, names)) > _WIDEST_NAMES:
        across = [str(number) for number in range(len(names))]
        names = [f"{number} {name}" for number, name in zip(across, names, strict=True)]
    print_table(
        ["true \\ predicted", *across],
        [
            [name, *(f"{count:,}" for count in counts)]
            for name, counts in zip(names, matrix, strict=True)
        ],
    )
