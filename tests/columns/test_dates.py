import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.dates import ISO, formats_of, moments_of, part_names, parts_of
from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.errors import TableError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", "2024-02-29T00:00:00"),
        (" 2024-02-29 ", "2024-02-29T00:00:00"),
        ("2024-02-29 10:20", "2024-02-29T10:20:00"),
        ("2024-02-29T10:20:30", "2024-02-29T10:20:30"),
        ("2024-02-29T10:20:30.25", "2024-02-29T10:20:30.250"),
        ("2024-02-29T10:20:30Z", "2024-02-29T10:20:30"),
        ("2024-02-29T01:20+02:00", "2024-02-28T23:20:00"),
        ("2024-02-29 22:20:00 -0530", "2024-03-01T03:50:00"),
        ("NA", None),
        (None, None),
    ],
)
def test_a_moment_is_read_and_taken_in_utc(text, expected) -> None:
    moment = moments_of(pl.Series("t", [text], dtype=pl.String), ISO)[0]
    assert moment == (expected and datetime.datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["2024-01-31", "?", None], ["%Y-%m-%d"]),
        (["2024/01/31"], ["%Y/%m/%d"]),
        (["31.1.2024 12:00"], ["%d.%m.%Y"]),
        (["01/02/2024", "31/01/2024"], ["%d/%m/%Y"]),
        (["01/02/2024", "01/31/2024"], ["%m/%d/%Y"]),
        (["01/02/2024"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["2024-02-30"], []),
        (["2024-01-31 25:00"], []),
        (["2024-01-31", "soon"], []),
        ([None, ""], []),
    ],
)
def test_the_format_is_found(texts, formats) -> None:
    assert formats_of(pl.Series(texts, dtype=pl.String)) == formats


def test_parts_are_those_worked_out_by_hand() -> None:
    # Thursday, 1970-01-01, 06:00: a quarter of a day; 4 days after Monday and that: 3.25 / 7.
    moment = pl.Series([datetime.datetime(1970, 1, 1, 6)])
    parts = parts_of(moment, has_time=True).row(0)
    turns = [0.25 / 365, 0.25 / 31, 3.25 / 7, 0.25]
    waves = [f(2 * np.pi * turn) for turn in turns for f in (np.sin, np.cos)]
    np.testing.assert_allclose(parts, [0.25, *waves], atol=1e-12)
    assert part_names(has_time=True)[-2:] == ("sine of day", "cosine of day")
    assert len(part_names(has_time=False)) == 7


@settings(deadline=None)
@given(moment=st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)))
def test_parts_are_bounded_and_the_year_closes(moment) -> None:
    parts = parts_of(pl.Series([moment]), has_time=True).row(0)
    assert np.isfinite(parts).all()
    assert (np.abs(parts[1:]) <= 1).all()
    for sine, cosine in zip(parts[1::2], parts[2::2], strict=True):
        assert abs(sine**2 + cosine**2 - 1) < 1e-12
    written = moments_of(pl.Series([moment.isoformat(" ")]), ISO)[0]
    assert abs((written - moment).total_seconds()) < 2e-6


def test_a_wrong_date_is_named_with_its_row() -> None:
    with pytest.raises(
        TableError,
        match="row 12 of column 't' of new.csv must be a date like 2024-01-31",
    ):
        moments_of(pl.Series("t", ["2024-01-31", "x"]), ISO, "new.csv", first_row=11)
    with pytest.raises(TableError, match="column 't' of the table must hold dates, it holds int64"):
        moments_of(pl.Series("t", [1]), ISO)


def test_dates_are_encoded_alike_from_text_and_from_dates() -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=3 * n) for n in range(30)]
    dates = pl.DataFrame({"day": [*days, None]})
    texts = dates.with_columns(pl.col("day").dt.to_string("%Y-%m-%d"))
    moments = dates.with_columns(pl.col("day").cast(pl.Datetime("ms")))
    encoder = Encoder.fit(dates, infer_schema(dates))
    assert encoder.num_numeric == 7
    assert encoder.num_passthrough == 1
    for rows in (texts, moments):
        np.testing.assert_array_equal(encoder.encode(rows), encoder.encode(dates))
    other = Encoder.fit(texts, infer_schema(texts))
    np.testing.assert_array_equal(other.encode(dates), encoder.encode(dates))


def test_times_of_day_are_dates_of_one_day() -> None:
    frame = pl.DataFrame({"at": [datetime.time(hour, 30) for hour in range(24)]})
    encoder = Encoder.fit(frame, infer_schema(frame))
    assert encoder.input_names[-1] == "at: cosine of day"
    assert np.isfinite(encoder.encode(frame)).all()


def test_lengths_of_time_are_seconds() -> None:
    frame = pl.DataFrame({"long": [datetime.timedelta(hours=n) for n in range(5)]})
    encoder = Encoder.fit(frame, infer_schema(frame))
    assert encoder.means.tolist() == [7200.0]
