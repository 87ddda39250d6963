"""One table, read in every way that there is: the same kinds, the same inputs, the same targets."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.survey import TableSurvey
from multilayer.fit.table_source import read_rows, typed_table
from multilayer.reading.table import read_table, read_table_pieces

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

NUMBERS = ["1", "2.5", " 3", "-4e1", "", "NA", "007", "1.10", "1.1"]
WORDS = ["a", " a", "B", "yes", "no", "?", "2024-01-31", "1.10", "1.1", "None"]
LABELS = ["0", "1", " 1", "yes", "No", "", "NA", "2.50", "b"]


@st.composite
def tables(draw):
    """Rows of two columns and a target, written as text."""
    kinds = [draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5, unique=True))
             for pool in (NUMBERS, NUMBERS + WORDS, LABELS)]  # fmt: skip
    num_rows = draw(st.integers(24, 60))
    return [[draw(st.sampled_from(pool)) for pool in kinds] for _ in range(num_rows)]


@settings(deadline=None, max_examples=15)
@given(rows=tables(), is_told=st.booleans())
def test_kinds_inputs_and_targets_are_the_same_however_a_table_is_read(rows, is_told):
    roles = ColumnRoles(("y",), categorical=("b",) if is_told else ())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("a,b,y\n" + "".join(f"{','.join(row)}\n" for row in rows))
        try:
            source = read_rows(path, roles)
            targets = Targets.fit(source.rows.targets, "multiclass", ("y",))
            encoder = Encoder.fit(source.rows.frame, source.schema)
        except TableError:  # nothing to learn from, in one way or another
            return
        inputs = encoder.encode(source.rows.frame)
        answers = targets.encode(source.rows.targets)

        # As another file for the model: evaluate, inspect, --validation.
        again = read_rows(path, roles, schema=source.schema, number_types=targets.number_types)
        np.testing.assert_array_equal(encoder.encode(again.rows.frame), inputs)
        np.testing.assert_array_equal(targets.encode(again.rows.targets), answers)

        # As predict reads it, piece by piece.
        pieces = read_table_pieces(path, text_bytes=64)
        streamed = np.concatenate([encoder.encode(piece) for piece in pieces])
        np.testing.assert_array_equal(streamed[source.rows.numbers], inputs)

        # As a table larger than memory.
        survey = TableSurvey(("y",), None, "t.csv", 1000, 0)
        for piece in read_table_pieces(path, text_bytes=64):
            survey.add(piece)
        schema, sample = typed_table(survey.sample, survey.sample_rows, roles, None, "t.csv")
        assert schema.columns == source.schema.columns
        np.testing.assert_array_equal(encoder.encode(sample), inputs)
        of_survey = Targets.of_labels(survey.labels(), "multiclass", "y")
        assert of_survey.classes == targets.classes
        assert of_survey.class_counts == targets.class_counts
        np.testing.assert_array_equal(of_survey.encode(survey.sample_targets()), answers)

        # As text in Parquet, and as the frame that read_table gives.
        text = read_table(path, as_text=True)
        text.write_parquet(Path(folder) / "t.parquet")
        parquet = read_rows(Path(folder) / "t.parquet", roles)
        assert parquet.schema.columns == source.schema.columns
        np.testing.assert_array_equal(encoder.encode(parquet.rows.frame), inputs)
        frame = text[source.rows.numbers].drop("y")
        judged = infer_schema(frame, categorical=roles.categorical)
        assert judged.columns == source.schema.columns
        np.testing.assert_array_equal(encoder.encode(frame), inputs)
        rows_alone = pl.concat([frame[place : place + 1] for place in range(len(frame))])
        np.testing.assert_array_equal(encoder.encode(rows_alone), inputs)
