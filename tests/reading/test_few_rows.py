"""A frame of few rows is made at once, and is the one that is made column by column."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from multilayer.reading import frames
from multilayer.reading.frames import as_frame

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3),
    st.sampled_from([math.nan, "é", "NA", ""]),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES), min_size=1, max_size=4)


def made_by_column(rows: list) -> "pl.DataFrame":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_FEW_ROWS", 0)
        return as_frame(rows)


@given(ROWS)
def test_it_is_the_frame_that_is_made_column_by_column(rows):
    try:
        expected = made_by_column(rows)
    except UnicodeEncodeError:  # half of a surrogate pair is no text
        with pytest.raises(UnicodeEncodeError):
            as_frame(rows)
        return
    assert_frame_equal(as_frame(rows), expected)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_column_without_values_is_made_column_by_column(missing):
    rows = [{"a": missing, "b": 1}]
    assert_frame_equal(as_frame(rows), made_by_column(rows))
    assert as_frame(rows).schema == {"a": pl.Null, "b": pl.Int64}
