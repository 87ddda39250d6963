"""`multilayer predict`."""

import csv
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from multilayer.cli.argument_types import OptionalOutput, WholeNumber
from multilayer.cli.table_flags import FormatFlags
from multilayer.cli.terminal import note, print_table, say
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.images.image_files import Pictures
    from multilayer.model.predictor import Predictor
    from multilayer.runs.many_predictions import FilesAnswered
    from multilayer.runs.table_predictions import TablePredictions

_HEADERS = ("image", "label", "probability")


def predict(
    run: str,
    data: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    output: OptionalOutput = None,
    proba: Annotated[bool, Parameter(negative="")] = False,
    interval: float | None = None,
    spreadsheet_safe: Annotated[bool, Parameter(negative="")] = False,
    on_unseen: Literal["note", "error", "ignore"] = "note",
    invert: Annotated[bool, Parameter(negative="")] = False,
    processes: WholeNumber | None = None,
    table: Annotated[FormatFlags, Parameter(name="*")] = FormatFlags(),  # noqa: B008 (frozen)
) -> int:
    """Label pictures, or answer for the rows of a table, with a trained network.

    Of pictures it prints a table in a terminal, and CSV into a pipe or a file: image, label,
    probability. The rows of a table are written as CSV, with all their columns and in their order,
    and the answers after them; a file may be larger than memory.

    Args:
        run: a run folder, or a model file.
        data: an idx file of pictures, a PNG or JPEG file, or a folder of them; for a model of
            tables, a file with the columns it was trained on, a folder of such files or a pattern
            in quotes, or - for the standard input.
        output: write to this file instead of the standard output; rows of a table as CSV, as
            Parquet if the name ends in .parquet, or as JSON lines if it ends in .jsonl. For a table
            of many files a name without such an ending is a folder, and the answers to each file
            are a file in it, in folders of the same names.
        proba: a column with the probability of each class.
        interval: for tables, the probability with which the truth shall lie between two more
            columns, or among the classes of one more column; for example 0.9.
        spreadsheet_safe: in CSV, put a ' before text and column names that a spreadsheet would take
            for formulas.
        on_unseen: for tables, what is done about categories that were not in the training rows and
            count as missing: a note of columns, counts and examples, an error, or nothing.
        processes: how many answer side by side, where the answers to many files go into a folder;
            left out: one for each core.
        invert: for pictures, swap black and white first: for those that are dark on a light ground.
    """
    from multilayer.files import require_other_file
    from multilayer.model.model_file import load_predictor
    from multilayer.runs.kind_of_data import require_pictures, require_table, trained_on
    from multilayer.runs.run_folder import model_path

    output = None if output == "-" else output
    if output is not None:
        require_other_file(output, data, model_path(run))
    model = load_predictor(model_path(run))
    if model.image_shape is None:
        if invert:
            raise SettingsError("--invert is for pictures; this model answers for rows of a table")
        require_table(run, trained_on(model), data)
        from multilayer.reading.table_files import is_many_files
        from multilayer.runs.data_of_run import format_of_run
        from multilayer.runs.table_predictions import SUFFIXES, TablePredictions

        if processes is not None and processes < 1:
            raise SettingsError(f"--processes must be at least 1, it is {processes}")
        goes_to_file = output is None or Path(output).suffix.lower() in SUFFIXES
        if is_many_files(data) and output is not None and not goes_to_file:
            return _answer_files(
                model_path(run), data, output,
                targets=model.targets.names, is_safe=spreadsheet_safe, num_processes=processes,
                table_format=table.given_format(),
                with_probabilities=proba, coverage=interval, on_unseen=on_unseen,
            )  # fmt: skip
        if processes is not None:
            raise SettingsError(
                "--processes is for a table of many files whose answers go into a folder (--output)"
            )
        predictions = TablePredictions(
            model, data, table_format=table.given_format() or format_of_run(run, data),
            with_probabilities=proba, coverage=interval, on_unseen=on_unseen,
        )  # fmt: skip
        return _write_answers(predictions, model.targets.names, output, spreadsheet_safe, on_unseen)
    table.require_none_for_images()
    for flag, is_given in (
        ("--interval", interval is not None),
        ("--on-unseen", on_unseen != "note"),
    ):
        if is_given:
            raise SettingsError(f"{flag} is for tables; this model labels images")
    require_pictures(run, trained_on(model), data)
    from multilayer.images.image_files import read_pictures

    pictures = read_pictures(data, model.image_shape, invert=invert)
    return _predict_images(model, pictures, output, proba, spreadsheet_safe)


def _write_answers(
    predictions: "TablePredictions", targets: Sequence[str], output: str | None, is_safe: bool,
    on_unseen: str,
) -> int:  # fmt: skip
    """Answer for each row of a file."""
    num_rows = predictions.save(output or "-", is_spreadsheet_safe=is_safe)
    _note(predictions, targets, on_unseen)
    if output not in (None, "-"):
        say(f"{output}: {num_rows:,} rows", file=sys.stderr)
    return 0


def _note(
    found: "TablePredictions | FilesAnswered", targets: Sequence[str], on_unseen: str
) -> None:
    """Say what is noteworthy of the rows."""
    ignored = [name for name in found.ignored_columns if name not in targets]
    if ignored:
        note(f"columns that are not needed: {', '.join(ignored)}")
    if on_unseen == "note":
        for text in found.unseen.sentences():
            note(f"{text} (--on-unseen)")
    for text in found.unseen.bare.sentences():
        note(text)


def _answer_files(
    model_file: Path, data: str, output: str, *, targets: Sequence[str], is_safe: bool,
    num_processes: int | None, on_unseen: str, **options: Any,
) -> int:  # fmt: skip
    """Answer each file of a table in a file of its own."""
    from multilayer.runs.many_predictions import FilesAnswered, predict_files

    found = FilesAnswered()
    for found in predict_files(  # noqa: B007 (the last one has it all)
        model_file, data, output, num_processes=num_processes or os.cpu_count() or 1,
        is_spreadsheet_safe=is_safe, on_unseen=on_unseen, **options,
    ):  # fmt: skip
        pass
    _note(found, targets, on_unseen)
    say(f"{output}: {found.num_files:,} files, {found.num_rows:,} rows", file=sys.stderr)
    return 0


def _predict_images(
    model: "Predictor",
    pictures: "Pictures",
    output: str | None,
    with_probabilities: bool,
    is_spreadsheet_safe: bool,
) -> int:
    from multilayer.files import write_text
    from multilayer.runs.spreadsheets import text_without_formula

    for text in pictures.notes:
        note(text)
    probabilities = model.probabilities(pictures.images)
    headers = [*_HEADERS]
    if with_probabilities:
        headers += [f"probability_{name}" for name in model.class_names]
    rows = [
        [name, model.class_names[row.argmax()], f"{row.max():.4f}"]
        + [f"{share:.4f}" for share in row if with_probabilities]
        for name, row in zip(pictures.names, probabilities, strict=True)
    ]
    if is_spreadsheet_safe:
        headers, *rows = ([text_without_formula(cell) for cell in row] for row in [headers, *rows])
    if output is not None:
        write_text(output, _as_csv(headers, rows))
    elif sys.stdout.isatty():
        print_table(headers, rows)
    else:
        sys.stdout.write(_as_csv(headers, rows))
    return 0


def _as_csv(headers: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return text.getvalue()
