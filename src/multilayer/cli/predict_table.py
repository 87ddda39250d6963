"""`multilayer predict` on a table."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multilayer.model.predictor import Predictor
    from multilayer.reading.table_format import TableFormat
    from multilayer.runs.table_predictions import OnUnseenFlag

from multilayer.cli.terminal import note, say


def predict_table(
    model: "Predictor",
    run: str,
    data: str,
    output: str | None,
    with_probabilities: bool,
    coverage: float | None,
    is_spreadsheet_safe: bool,
    table_format: "TableFormat | None" = None,
    on_unseen: "OnUnseenFlag" = "note",
) -> int:
    """Answer for each row of a file."""
    from multilayer.runs.data_of_run import format_of_run
    from multilayer.runs.table_predictions import TablePredictions

    predictions = TablePredictions(
        model,
        data,
        table_format=table_format or format_of_run(run, data),
        with_probabilities=with_probabilities,
        coverage=coverage,
        on_unseen=on_unseen,
    )
    num_rows = predictions.save(output or "-", is_spreadsheet_safe=is_spreadsheet_safe)
    ignored = [name for name in predictions.ignored_columns if name not in model.targets.names]
    if ignored:
        note(f"columns that are not needed: {', '.join(ignored)}")
    if on_unseen == "note":
        for text in predictions.unseen.sentences():
            note(f"{text} (--on-unseen)")
    for text in predictions.unseen.bare.sentences():
        note(text)
    if output not in (None, "-"):
        say(f"{output}: {num_rows:,} rows", file=sys.stderr)
    return 0
