"""`multilayer predict`."""

import csv
import io
import sys
from typing import Annotated

from cyclopts import Parameter

from multilayer.cli.tables import print_table

_HEADERS = ("image", "label", "probability")


def predict(
    run: str,
    images: str,
    /,
    *,
    invert: Annotated[bool, Parameter(negative="")] = False,
    output: str | None = None,
) -> int:
    """Label pictures with a trained network.

    In a terminal it prints a table, into a pipe or a file CSV: image, label, probability.

    Args:
        run: a run folder.
        images: an idx file of pictures, a PNG file, or a folder of PNG files.
        invert: swap black and white first: for pictures that are dark on a light ground.
        output: write the CSV to this file instead.
    """
    from multilayer.data.pictures import read_pictures
    from multilayer.files import write_text
    from multilayer.lab.run_folder import model_path
    from multilayer.model_file.numpy_predictor import load_predictor

    model = load_predictor(model_path(run))
    pictures = read_pictures(images, model.image_shape, invert=invert)
    for note in pictures.notes:
        print(f"note: {note}", file=sys.stderr)
    probabilities = model.probabilities(pictures.images)
    rows = [
        (name, model.class_names[row.argmax()], f"{row.max():.4f}")
        for name, row in zip(pictures.names, probabilities, strict=True)
    ]
    if output is not None:
        write_text(output, _as_csv(rows))
    elif sys.stdout.isatty():
        print_table(_HEADERS, rows)
    else:
        sys.stdout.write(_as_csv(rows))
    return 0


def _as_csv(rows: list[tuple[str, str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADERS)
    writer.writerows(rows)
    return text.getvalue()
