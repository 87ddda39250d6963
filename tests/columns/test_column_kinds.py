import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.kinds import infer_schema
from multilayer.columns.schema import Column, Schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.errors import MultilayerError, TableError
from multilayer.reading.frames import as_frame

N = 60
RANGE = range(N)


def judged(values, **told) -> tuple[str, tuple[str, ...]]:
    schema = infer_schema(pl.DataFrame({"it": values}, strict=False), **told)
    return schema.columns[0].kind, schema.warnings


@pytest.mark.parametrize(
    ("values", "kind", "warning"),
    [
        ([1.5 * row for row in RANGE], "numeric", None),
        ([row % 7 for row in RANGE], "numeric", None),
        ([0, 1] * 30, "numeric", None),
        ([True, False] * 30, "boolean", None),
        (["yes", "No", None] * 20, "boolean", None),
        (["t", "f"] * 30, "boolean", None),
        (["a", "b", "?"] * 20, "categorical", None),
        (["yes", "no", "maybe"] * 20, "categorical", None),
        ([f"{row % 9:03d}" for row in RANGE], "categorical", None),
        ([f"2024-01-{row % 28 + 1:02d}" for row in RANGE], "date", None),
        ([f"{row % 28 + 1}.1.2024 12:30" for row in RANGE], "date", None),
        ([f"{row % 12 + 1:02d}/{row % 28 + 1:02d}/2024" for row in RANGE], "date", None),
        ([datetime.date(2024, 1, 1 + row % 28) for row in RANGE], "date", None),
        ([datetime.time(row % 24) for row in RANGE], "date", None),
        ([datetime.timedelta(hours=row) for row in RANGE], "numeric", None),
        ([f"{row % 9 + 1}/{row % 5 + 1}/2024" for row in RANGE], "text", "as 2024-01-31"),
        ([f"u{row:04x}" for row in RANGE], "identifier", "looks like an identifier"),
        ([2**60 + row * row for row in RANGE], "numeric", "beyond 2"),
        (list(RANGE), "numeric", "numbers the rows (0 to 59)"),
        ([f"the {row} words of a text" for row in RANGE], "text", "free text"),
        (["x" * 70 + str(row) for row in RANGE], "text", "free text"),
        (["7"] * N, "constant", None),
        ([7] * N, "constant", None),
        ([7.5] * N, "constant", None),
        ([7.5, None] * 30, "numeric", None),
        (["", "NA", None] * 20, "constant", "holds no value"),
        ([None] * N, "constant", "holds no value"),
        ([float("nan"), float("inf")] * 30, "constant", "holds no value"),
        (
            [str(row) if row != 5 else "x" for row in RANGE],
            "numeric",
            "not numeric, first 'x' in row 6",
        ),
    ],
)  # fmt: skip
def test_a_column_is_judged_by_its_values(values, kind: str, warning: str | None) -> None:
    found, warnings = judged(values)
    assert found == kind
    assert len(warnings) == (warning is not None)
    assert warning is None or warning in warnings[0]


@pytest.mark.parametrize("name", ["id", "ID", "user_id", "userId", "Unnamed: 0", "index", "uuid"])
def test_whole_numbers_with_the_name_of_an_identifier_are_one(name: str) -> None:
    schema = infer_schema(pl.DataFrame({name: [row * 3 for row in RANGE]}))
    assert schema.columns[0].kind == "identifier"
    assert "to use it as numeric, add" in schema.warnings[0]


@pytest.mark.parametrize("name", ["humid", "valid", "grid", "paid", "width", "number_of_kids"])
def test_other_names_are_no_identifiers(name: str) -> None:
    schema = infer_schema(pl.DataFrame({name: [row * 3 for row in RANGE]}))
    assert schema.columns[0].kind == "numeric"


def test_kinds_can_be_told() -> None:
    frame = pl.DataFrame(
        {
            "zip": [row % 9 for row in RANGE],
            "id": list(RANGE),
            "x": list(RANGE),
            "day": ["1/2/2024"] * N,
        }
    )
    schema = infer_schema(
        frame, categorical=["zip"], drop=["x"], as_kind={"id": "numeric", "day": "text"}
    )
    assert [column.kind for column in schema.columns] == [
        "categorical",
        "numeric",
        "dropped",
        "text",
    ]
    assert [column.name for column in schema.inputs] == ["zip", "id"]
    assert schema.warnings == ()
    assert schema.rows()[2] == ("x", "dropped", "given by the user")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"target": "prise"}, "column 'prise' is not in the table; its columns are price, x"),
        ({"drop": ["a", "b"]}, "columns 'a', 'b' are not in the table"),
        ({"drop": ["x"], "categorical": ["x"]}, "'x' cannot be both categorical and dropped"),
        ({"target": "x", "drop": ["x"]}, "'x' is the target and cannot be dropped"),
        ({"as_kind": {"x": "number"}}, "'x' cannot be 'number'; a kind is one of numeric, "),
        ({"as_kind": {"x": "numerc"}}, "did you mean 'numeric'?"),
        ({"as_kind": {"c": "date"}}, "'c' cannot be taken as dates: no format fits"),
        ({"as_kind": {"d": "date"}}, "'d' cannot be taken as dates: day and month"),
    ],
)
def test_what_cannot_be_told_is_refused(told, message: str) -> None:
    frame = pl.DataFrame({"price": [1], "x": [2], "c": ["u"], "d": ["1/2/2024"]})
    with pytest.raises(TableError, match=message):
        infer_schema(frame, **told)


def test_the_target_is_no_input() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "y": [1, 0], "z": [0, 1]})
    schema = infer_schema(frame, ["y", "z"])
    assert [column.name for column in schema.columns] == ["x"]
    assert schema.targets == ("y", "z")


def leaks(target, **columns) -> list[str]:
    frame = pl.DataFrame({"target": target, **columns}, strict=False)
    told = dict.fromkeys(
        columns, "numeric" if frame[next(iter(columns))].dtype.is_numeric() else "categorical"
    )
    return [w for w in infer_schema(frame, "target", as_kind=told).warnings if "alone" in w]


RNG = np.random.default_rng(0)
PRICES = RNG.uniform(0, 1, 100)
LABELS = RNG.permutation(np.repeat([0, 1], 50))


@pytest.mark.parametrize(
    ("target", "column"),
    [
        (LABELS, LABELS * 3),
        (LABELS, np.where(LABELS > 0, "paid", "owed")),
        (LABELS, LABELS + RNG.uniform(0, 0.9, 100)),
        (np.array(["n", "y"])[LABELS], -LABELS + RNG.uniform(0, 0.9, 100)),
        (np.arange(100.0), np.arange(100.0) * -2 + 1),
        (PRICES, (PRICES * 1.19).round(2)),  # rounding ties some and breaks the order of others
        (LABELS * 2.5, [None if row == 7 else str(label) for row, label in enumerate(LABELS)]),
    ],
)
def test_a_column_that_determines_the_target_is_suspected(target, column) -> None:
    (warning,) = leaks(target, it=column)
    assert warning.startswith("column 'it' alone determines 'target' on these rows: is it known")


@pytest.mark.parametrize(
    ("target", "column"),
    [
        (LABELS, RNG.normal(size=100)),
        (LABELS, np.where(np.arange(100) == 50, 1 - LABELS, LABELS)),
        (RNG.normal(size=100), RNG.normal(size=100)),
        (RNG.normal(size=100), np.arange(100)),
        (LABELS, [f"u{row}" for row in range(100)]),
        (LABELS[:20], LABELS[:20]),
        (np.zeros(100), LABELS),
        (LABELS, [None] * 80 + list(LABELS[80:])),
    ],
)
def test_other_columns_are_not_suspected(target, column) -> None:
    assert leaks(target, it=column) == []


def test_the_same_comes_back_from_json() -> None:
    frame = pl.DataFrame(
        {"id": list(RANGE), "day": ["2024-01-31", "2024-02-01"] * 30, "y": [0, 1] * 30}
    )
    schema = infer_schema(frame, "y")
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.columns[1].date_format == "%Y-%m-%d"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"columns": [], "targets": [], "warnings": "none"},
        {"columns": [], "targets": [1], "warnings": []},
        {"columns": [{"name": "x"}], "targets": [], "warnings": []},
        {"columns": [{"name": 1, "kind": "numeric", "reason": ""}], "targets": [], "warnings": []},
        {"columns": [{"name": "x", "kind": "?", "reason": ""}], "targets": [], "warnings": []},
    ],
)
def test_a_document_that_is_no_schema_is_refused(document) -> None:
    with pytest.raises(TableError, match="not the schema"):
        Schema.from_json(document)


def test_a_wide_table_is_judged_and_encoded() -> None:
    rng = np.random.default_rng(0)
    numbers = as_frame(rng.normal(size=(40, 6000)), [f"n{place}" for place in range(6000)])
    texts = as_frame(rng.choice(list("abc"), (40, 4000)), [f"c{place}" for place in range(4000)])
    frame = pl.concat([numbers, texts], how="horizontal")
    encoder = Encoder.fit(frame, infer_schema(frame))
    assert encoder.num_numeric == 6000
    assert encoder.encode(frame).shape == (40, encoder.num_inputs)


CELL = st.none() | st.sampled_from(["a", "b", "?", "3", "2024-01-31", "true", ""]) | st.text()
NUMBER = st.none() | st.floats() | st.integers(-(2**63), 2**63 - 1)
TABLES = st.integers(1, 25).flatmap(
    lambda rows: st.lists(
        st.lists(CELL, min_size=rows, max_size=rows)
        | st.lists(NUMBER, min_size=rows, max_size=rows)
        | st.lists(st.none() | st.dates(), min_size=rows, max_size=rows)
        | st.lists(st.none() | st.booleans(), min_size=rows, max_size=rows),
        min_size=1,
        max_size=4,
    )
)


@settings(deadline=None, max_examples=200)
@given(columns=TABLES, limit=st.sampled_from([0, 3, 8, None]), data=st.data())
def test_any_table_is_encoded_without_nan_in_any_order_of_columns(columns, limit, data) -> None:
    frame = as_frame({f"c{place}": column for place, column in enumerate(columns)})
    schema = infer_schema(frame)
    try:
        encoder = Encoder.fit(frame, schema, EncodingPlan(one_hot_limit=limit))
    except MultilayerError as error:
        assert "no feature columns left" in str(error)
        assert not schema.inputs
        return
    encoded = encoder.encode(frame)
    assert encoded.shape == (len(frame), encoder.num_inputs)
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()
    num_scaled = encoder.num_numeric + encoder.num_passthrough
    assert (np.abs(encoded[:, :num_scaled]) <= 3).all()
    codes = encoded[:, num_scaled:]
    assert (codes == codes.astype(int)).all()
    assert ((codes >= 0) & (codes < encoder.category_sizes)).all()
    shuffled = frame.select(data.draw(st.permutations(frame.columns)))
    np.testing.assert_array_equal(encoder.encode(shuffled), encoded)
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(again.encode(frame), encoded)
    assert len(encoder.input_names) == encoder.num_inputs
    places = [place for group in encoder.feature_groups.values() for place in group]
    assert sorted(places) == list(range(encoder.num_inputs))


def test_a_column_is_an_input_by_its_kind() -> None:
    assert Column("x", "numeric", "").is_input
    assert not Column("x", "identifier", "").is_input


@pytest.mark.parametrize("told", [{}, {"x": "numeric"}])
@pytest.mark.parametrize("is_text", [True, False])
def test_infinity_is_said_of_text_and_of_numbers(is_text, told):
    values = [str(0.5 + n) if n % 10 else "-inf" for n in range(40)]
    column = pl.Series("x", values if is_text else [float(value) for value in values])
    frame = pl.DataFrame([column, pl.Series("y", ["a", "b"] * 20)])
    schema = infer_schema(frame, "y", as_kind=told)
    expected = "column 'x' is infinite in 4 of 40 rows; infinity is treated as missing"
    assert schema.warnings == (expected,)
