"""Numbers without the percent sign or unit that the training rows have are said."""

import warnings

import polars as pl
import pytest

from multilayer.columns.kinds import judge_columns, typed_frame
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.row_reader import RowReader
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import DataWarning


def fitted(written):
    frame = pl.DataFrame({"x": [written(row) for row in range(40)]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        schema, typed = judge_columns(frame)
    return schema, Encoder.fit(typed, schema)


@pytest.mark.parametrize(
    ("written", "values", "is_said"),
    [
        (lambda row: f"{row}%", [0.45, 0.5], True),
        (lambda row: f"{row}%", ["0.45", "0.5", "7%"], True),
        (lambda row: f"{row}%", ["0.45", "50%", "7 %"], False),
        (lambda row: f"{row}%", ["50\uff05", None, "n/a"], False),
        (lambda row: f"{row} kg", [5, 7], True),
        (lambda row: f"${row}.50", [5.5, 7], False),
        (lambda row: f"{row}.5", [5.5, 7], False),
    ],
)
def test_files_and_frames_say_that_a_sign_is_not_there(written, values, is_said) -> None:
    schema, encoder = fitted(written)
    frame = pl.DataFrame({"x": values})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        typed_frame(frame, schema)
    assert ["column 'x' has no " in str(warning.message) for warning in caught] == [True] * is_said
    unseen = UnseenValues()
    for piece in (frame[:1], frame[1:]):
        encoder.encode(piece, unseen=unseen)
    assert bool(unseen.bare.sentences()) == is_said
    if is_said:
        with pytest.warns(DataWarning, match="column 'x' has no"):
            unseen.report("ignore")


@pytest.mark.parametrize(
    ("learned", "asked", "words"),
    [("{}%", "0.{}", "has no % in"), ("{}", "{}%", "comes with %, which")],
)
def test_targets_too(learned, asked, words) -> None:
    def table(form):
        return pl.DataFrame({"y": [form.format(row) for row in range(10, 50)]})

    reader = RowReader(("y",), (), None, "t.csv").judging(table(learned))
    following = reader.following(reader.number_formats)
    following.read(table(learned), 1)
    with pytest.warns(DataWarning, match=f"target 'y' {words}"):
        following.read(table(asked), 1)
