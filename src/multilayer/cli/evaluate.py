"""`multilayer evaluate`."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli.argument_types import OptionalDataArgument
from multilayer.cli.evaluate_table import evaluate_table
from multilayer.cli.format_flags import FormatFlags
from multilayer.cli.terminal import print_table, say

if TYPE_CHECKING:
    from multilayer.runs.evaluation import ImageEvaluation


def evaluate(
    run: str,
    data: OptionalDataArgument = None,
    /,
    *,
    data_dir: str | None = None,
    output: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    table: Annotated[FormatFlags, Parameter(name="*")] = FormatFlags(),  # noqa: B008 (frozen)
) -> int:
    """Score a trained network on the test pictures of a data set, or on the rows of a table.

    Of pictures it prints accuracy with a 95% interval, precision and recall of each class and the
    confusion matrix, and writes confusion_matrix.png and mistakes.png. Of a table it prints the
    scores of the task with 95% intervals, beside those of the best constant answer, precision and
    recall of each class, and how well probabilities, intervals and sets keep what they promise, and
    writes confusion_matrix.png and reliability.png.

    Args:
        run: a run folder, or for tables a model file too.
        data: 'fashion-mnist', 'digits' or an MNIST-like folder; left out: what it was trained on.
            For a model of tables, a file with the target column.
        data_dir: folder to look for the data set's files in first.
        output: folder for the pictures. Left out: the run folder.
        as_json: print all figures as one JSON document instead of tables.
    """
    from multilayer.model.model_file import load_predictor
    from multilayer.runs.run_folder import model_path

    if load_predictor(model_path(run)).image_shape is None:
        return evaluate_table(run, data, output, table.given_format(), as_json=as_json)
    table.require_none_for_images()
    from multilayer.runs.evaluation import evaluate_run

    evaluation, dataset, pictures = evaluate_run(run, data, data_dir=data_dir, output=output)
    if as_json:
        say(json.dumps(_as_document(evaluation, dataset.name), indent=2))
        return 0
    low, high = evaluation.accuracy_interval
    say(
        f"{dataset.name}, {len(evaluation.labels):,} test pictures\n"
        f"accuracy {evaluation.accuracy:.4f} (95% interval {low:.4f} to {high:.4f})"
    )
    _print_classes(evaluation)
    _print_confusion(evaluation)
    for picture in pictures:
        say(picture)
    return 0


def _as_document(evaluation: "ImageEvaluation", name: str) -> dict[str, Any]:
    matrix = evaluation.confusion_matrix
    return {
        "data": name,
        "num_rows": len(evaluation.labels),
        "accuracy": evaluation.accuracy,
        "accuracy_interval": list(evaluation.accuracy_interval),
        "classes": [
            {
                "class": label,
                "precision": None if math.isnan(precision) else float(precision),
                "recall": None if math.isnan(recall) else float(recall),
                "num_rows": int(num_rows),
            }
            for label, precision, recall, num_rows in zip(
                evaluation.class_names, evaluation.precision, evaluation.recall,
                matrix.sum(axis=1), strict=True,
            )
        ],
        "confusion_matrix": matrix.tolist(),
    }  # fmt: skip


def _print_classes(evaluation: "ImageEvaluation") -> None:
    print_table(
        ["class", "precision", "recall", "pictures"],
        [
            [name, _share(precision), _share(recall), f"{count:,}"]
            for name, precision, recall, count in zip(
                evaluation.class_names,
                evaluation.precision,
                evaluation.recall,
                evaluation.confusion_matrix.sum(axis=1),
                strict=True,
            )
        ],
    )


def _share(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"


def _print_confusion(evaluation: "ImageEvaluation") -> None:
    """True classes down, labels given across, by number."""
    numbers = [str(number) for number in range(len(evaluation.class_names))]
    print_table(
        ["true \\ labelled", *numbers],
        [
            [number if name == number else f"{number} {name}", *map(str, counts)]
            for number, name, counts in zip(
                numbers, evaluation.class_names, evaluation.confusion_matrix, strict=True
            )
        ],
    )
