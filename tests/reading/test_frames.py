import datetime
import decimal
from collections import namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.errors import TableError
from multilayer.reading.frames import as_frame

TOKYO = "Asia/Tokyo"
HOUR = datetime.timedelta(hours=1)
DAY, MOMENT = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i8", "u8", "?", ">f8", "f2", "g"])
def test_arrays_are_taken_over(dtype: str) -> None:
    X = np.arange(6).reshape(3, 2).astype(dtype)
    for array in (X, X[::-1], np.asfortranarray(X)):
        frame = as_frame(array)
        assert frame.columns == ["x0", "x1"]
        np.testing.assert_array_equal(frame.to_numpy(), array.astype(frame.to_numpy().dtype))


def test_missing_and_infinite_numbers_of_an_array_stay() -> None:
    frame = as_frame(np.array([[np.nan, 1.0], [np.inf, 2.0]]))
    assert str(frame.rows()) == "[(nan, 1.0), (inf, 2.0)]"


def test_names_can_be_given() -> None:
    assert as_frame(np.zeros((1, 2)), ["a", 7]).columns == ["a", "7"]
    with pytest.raises(TableError, match="2 columns was given 1 names"):
        as_frame(np.zeros((1, 2)), ["a"])
    with pytest.raises(TableError, match="columns 1 and 2 have the same name 'a'"):
        as_frame(np.zeros((1, 2)), ["a", "a"])


SPARSE_KINDS = ("csr_matrix", "csc_array", "coo_array", "lil_matrix", "dok_array")


@pytest.mark.parametrize("kind", SPARSE_KINDS)
def test_sparse_matrices_are_taken(kind: str) -> None:
    dense = np.diag([1.0, 0.0, 3.0])
    np.testing.assert_array_equal(as_frame(getattr(scipy.sparse, kind)(dense)).to_numpy(), dense)


def test_pandas_frames_are_taken() -> None:
    frame = as_frame(
        pd.DataFrame(
            {
                "whole": [1, 2, 3],
                "real": [1.0, np.nan, np.inf],
                "text": ["a", None, "c"],
                "object": pd.Series([1, "x", None], dtype=object),
                "truth": [True, False, True],
                "category": pd.Categorical(["u", None, "v"]),
                "code": pd.Categorical([1, 2, None]),
                "nullable": pd.array([1, None, 3], dtype="Int64"),
                "perhaps": pd.array([True, None, False], dtype="boolean"),
                "day": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
                "zoned": pd.to_datetime(["2024-01-01", None, "2024-01-02"]).tz_localize(TOKYO),
                "long": pd.to_timedelta([1, None, 2], unit="h"),
                7: [1, 2, 3],
            }
        )
    )
    assert frame["long"].to_list() == [HOUR, None, 2 * HOUR]
    rows = frame.drop("long").with_columns(pl.all().cast(pl.String)).to_dict(as_series=False)
    assert rows == {
        "whole": ["1", "2", "3"],
        "real": ["1.0", "NaN", "inf"],
        "text": ["a", None, "c"],
        "object": ["1", "x", None],
        "truth": ["true", "false", "true"],
        "category": ["u", None, "v"],
        "code": ["1", "2", None],
        "nullable": ["1.0", "NaN", "3.0"],
        "perhaps": ["true", None, "false"],
        "day": ["2024-01-01 00:00:00.000000", None, "2024-01-02 00:00:00.000000"],
        "zoned": ["2023-12-31 15:00:00.000000", None, "2024-01-01 15:00:00.000000"],
        "7": ["1", "2", "3"],
    }


def test_pandas_frames_are_taken_without_pyarrow(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    frame = as_frame(pd.DataFrame({"x": [1.0], "c": pd.Series(["a"], dtype=object)}))
    assert frame.rows() == [(1.0, "a")]


def test_arrow_tables_are_taken() -> None:
    table = pa.table(
        {
            "a": [1, 2, None],
            "b": pa.array(["x", "y", None]).dictionary_encode(),
            "d": [DAY, None, DAY],
            "e": [True, False, None],
            "f": pa.array([decimal.Decimal("1.5"), None, None]),
        }
    )
    frame = as_frame(table)
    assert str(frame.rows()[0]) == str((1.0, "x", DAY, True, 1.5))
    assert str(frame.rows()[2]) == str((float("nan"), None, DAY, None, None))


def test_polars_frames_are_made_plain() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    frame = as_frame(
        pl.LazyFrame(
            {
                "category": pl.Series(["a", None], dtype=pl.Categorical),
                "choice": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
                "exact": [decimal.Decimal("0.1"), None],
                "zoned": pl.Series([MOMENT.replace(tzinfo=zone), None]),
            }
        )
    )
    assert frame.rows() == [
        ("a", "a", 0.1, MOMENT - datetime.timedelta(hours=2)),
        (None, "b", None, None),
    ]


def test_lists_and_mappings_are_taken() -> None:
    Row = namedtuple("Row", "a b")
    assert as_frame([[1, "a"], [2.5, 3]]).rows() == [(1.0, "a"), (2.5, "3")]
    assert as_frame([Row(1, True), Row(2, None)]).rows() == [(1, True), (2, None)]
    assert as_frame([{"a": 1}, {"b": "x"}]).rows() == [(1, None), (None, "x")]
    assert as_frame({"a": [1, 2], "b": ["x", None]}).rows() == [(1, "x"), (2, None)]
    assert as_frame([np.array([1.0, 2.0])]).rows() == [(1.0, 2.0)]
    assert as_frame([[DAY, MOMENT]]).rows() == [(DAY, MOMENT)]
    assert as_frame([[2**70], [1]]).rows() == [(float(2**70),), (1.0,)]
    assert as_frame([[decimal.Decimal("1.5")], [1]]).rows() == [(1.5,), (1.0,)]
    assert as_frame([]).shape == (0, 0)


def test_arrays_of_objects_and_text_are_taken() -> None:
    objects = np.array([[1, "a", None], [np.nan, "b", 2.5]], dtype=object)
    assert as_frame(objects).rows() == [(1.0, "a", None), (None, "b", 2.5)]
    assert as_frame(np.array([["a", "1"]])).rows() == [("a", "1")]
    assert as_frame(np.array([["a"]], dtype="S")).rows() == [("a",)]
    moments = np.array([["2024-02-29T12:30"], ["NaT"]], dtype="M8[m]")
    assert as_frame(moments).rows() == [(MOMENT,), (None,)]


def test_a_tensor_is_taken() -> None:
    import torch

    assert as_frame(torch.tensor([[1.0, 2.0]])).rows() == [(1.0, 2.0)]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(3), r"two dimensions, rows and columns; this array has the shape \(3,\)"),
        (np.zeros((1, 2, 3)), "two dimensions"),
        (np.zeros((1, 2), dtype=complex), "complex"),
        (np.zeros(2, dtype=[("a", "f8")]), "two dimensions"),
        (np.zeros((2, 1), dtype=[("a", "f8")]), "cannot be a table"),
        ([[1, 2], [3]], "row 2 of the list holds 1 values"),
        ([1, 2], "row 1 of the list holds a int"),
        (["ab", "cd"], "row 1 of the list holds a str"),
        ([[{}]], "row 1 of column 'x0' of the table holds a dict"),
        ([[1], [[2]]], "row 2 of column 'x0' of the table holds a list"),
        ([[object()]], "holds a object"),
        ({"a": [1], "b": [1, 2]}, "equal length; 'a' has 1 values and 'b' 2"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns 1 and 2 have the same name 'a'"),
        (pl.DataFrame({"a": [[1]]}), "column 'a' of the table holds list"),
        (pa.table({"a": [[1]]}), "column 'a' of the table holds list"),
        (pl.DataFrame({"a": [b"x"]}), "column 'a' of the table holds binary"),
        (pd.DataFrame({"a": [[1]]}), "row 1 of column 'a' of the table holds a list"),
        (pd.Series([1, 2]), "two dimensions"),
        (7, "not a int"),
        ("houses.csv", "not a str"),
        (None, "not a NoneType"),
    ],
)
def test_what_is_no_table_is_refused(X, message: str) -> None:
    with pytest.raises(TableError, match=message):
        as_frame(X)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()


@settings(deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6))
def test_any_values_of_these_types_make_a_table(rows) -> None:
    frame = as_frame(rows)
    assert frame.shape == (len(rows), 2)
    for column, values in zip(frame.iter_columns(), zip(*rows, strict=True), strict=True):
        for found, cell in zip(column, values, strict=True):
            assert (found is None) == (cell is None or cell != cell)


def test_a_mapping_of_single_values_is_one_row() -> None:
    assert as_frame({"size": 1.5, "town": "Bern"}).rows() == [(1.5, "Bern")]
    with pytest.raises(TableError, match=r"column 'town' of the mapping holds 'Bern'; each column"):
        as_frame({"size": [1.5], "town": "Bern"})


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.masked_array([[1, 2], [3, 4]], mask=[[True, False], [False, True]])
    assert as_frame(masked).fill_nan(None).rows() == [(None, 2.0), (3.0, None)]


def test_categories_of_numbers_stay_categories() -> None:
    frame = as_frame(pd.DataFrame({"code": pd.Categorical([1, 2, 3] * 20)}))
    assert infer_schema(frame).columns[0].kind == "categorical"
    encoder = Encoder.fit(frame, infer_schema(frame))
    plain = as_frame({"code": [1, 2, 3] * 20})
    assert (encoder.encode(frame) == encoder.encode(plain)).all()
