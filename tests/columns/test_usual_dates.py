"""Dates in the usual writings, and columns that mix them."""

import datetime
import random

import polars as pl
import pytest

from multilayer.columns.dates import find_dates, moments_of
from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.errors import TableError

WRITINGS = [
    "%d-%m-%Y", "%b %d %Y", "%d-%b-%y", "%m/%d/%Y %I:%M %p", "%Y.%m.%d", "%d %B %Y", "%B %d, %Y",
    "%A, %d %B %Y", "%Y%m%d", "%d/%m/%y", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y %H:%M", "%d%b%Y",
]  # fmt: skip
_random = random.Random(0)
MOMENTS = [
    datetime.datetime(1995, 1, 1) + datetime.timedelta(minutes=_random.randrange(10**7))
    for _ in range(60)
]


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_usual_writing_is_read_again(writing) -> None:
    texts = pl.Series("d", [moment.strftime(writing) for moment in MOMENTS])
    expected = [
        moment if "%M" in writing else moment.replace(hour=0, minute=0) for moment in MOMENTS
    ]
    (column,) = infer_schema(texts.to_frame()).columns
    assert column.kind == "date"
    assert moments_of(texts, column.date_format or "").to_list() == expected


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["10:30", "23:05"], datetime.datetime(1970, 1, 1, 10, 30)),
        (["2:30 PM", "11:05 am"], datetime.datetime(1970, 1, 1, 14, 30)),
        (["2024-01-31 10:00 EST"] * 2, datetime.datetime(2024, 1, 31, 15)),
        (["Jan-24", "Feb-25"], datetime.datetime(2024, 1, 1)),
        (["2024-03", "2023-12"], datetime.datetime(2024, 3, 1)),
        (["03/2024", "12/2023"], datetime.datetime(2024, 3, 1)),
        (["2024Q2", "2023-Q4", "Q1 2022"], datetime.datetime(2024, 4, 1)),
        (["2024-W05", "2020W53"], datetime.datetime(2024, 1, 29)),
        (["1st of May 1999", "22nd June 2001"], datetime.datetime(1999, 5, 1)),
    ],
)
def test_times_zones_and_parts_of_dates(texts, first) -> None:
    series = pl.Series("d", texts)
    found = find_dates(series)
    assert found is not None
    assert found.are_dates
    assert moments_of(series, found.date_format)[0] == first


@pytest.mark.parametrize(
    "texts",
    [["2024-01-31 10:00 XYZ"] * 3, ["25:00"], ["13:00 PM"], ["a"], ["1234-56"], ["2009/10"]],
)
def test_other_texts_are_no_dates(texts) -> None:
    assert find_dates(pl.Series("d", texts)) is None


def test_a_stray_among_dates_is_missing_and_named() -> None:
    frame = pl.DataFrame({"d": ["2024-01-30", "2024-02-11"] * 30 + ["0000-00-00"]})
    schema = infer_schema(frame)
    assert schema.columns[0].kind == "date"
    assert "'0000-00-00' in row 61" in schema.warnings[0]
    encoder = Encoder.from_json(Encoder.fit(frame, schema).to_json())
    assert encoder.encode(frame).shape[0] == 61
    with pytest.raises(TableError, match="row 1 of column 'd'"):
        encoder.encode(pl.DataFrame({"d": ["1999"]}))


def test_mixed_writings_are_not_used_and_counted() -> None:
    frame = pl.DataFrame({"d": ["2024-01-30", "31 January 2024"] * 30})
    schema = infer_schema(frame)
    assert schema.columns[0].kind == "text"
    assert "30 like 2024-01-31, 30 like 31 January 2024; row 2 holds" in schema.warnings[0]


def test_an_open_order_of_day_and_month_can_be_told() -> None:
    frame = pl.DataFrame({"d": ["01/02/2024", "03/04/2024"] * 30})
    assert "--as d=date:%d/%m/%Y" in infer_schema(frame).warnings[0]
    (column,) = infer_schema(frame, as_kind={"d": "date:%m/%d/%Y"}).columns
    assert column.date_format == "%m/%d/%Y"
    for wrong in ("date:%H", "numeric:%d/%m/%Y"):
        with pytest.raises(TableError, match="cannot be"):
            infer_schema(frame, as_kind={"d": wrong})


def test_whole_numbers_may_be_dates() -> None:
    frame = pl.DataFrame({"d": [20240101 + day for day in range(28)]})
    schema = infer_schema(frame)
    assert schema.columns[0].kind == "date"
    assert "--as d=numeric" in schema.warnings[0]
    as_text = frame.select(pl.col("d").cast(pl.String))
    encoder = Encoder.fit(frame, schema)
    assert (encoder.encode(frame) == encoder.encode(as_text)).all()
