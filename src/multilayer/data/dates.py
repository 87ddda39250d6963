"""Dates and times: found in text, and made into numbers."""

import re
from typing import TYPE_CHECKING

from multilayer.data.missing import without_missing
from multilayer.data.text_numbers import shown
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

ISO = "%Y-%m-%d"
DATE_FORMATS = (ISO, "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
_FORMAT_SHOWN = {
    ISO: "2024-01-31",
    "%Y/%m/%d": "2024/01/31",
    "%d.%m.%Y": "31.01.2024",
    "%d/%m/%Y": "31/01/2024",
    "%m/%d/%Y": "01/31/2024",
}
# A date, perhaps a time of day, perhaps a zone.
_DATE = r"^(?P<date>\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})"
_TIME = r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d*)?))?)?"
_ZONE = r"\s*(?:Z|UTC|(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2}))?$"

_SECONDS_A_DAY = 86_400
# Parts of a moment that come round again: how long the round is, in days.
_CYCLES = ("year", "month", "week", "day")


def may_be_date(text: str) -> bool:
    """Whether a text has the look of a date, which is told quickly."""
    return re.match(_DATE, text.strip()) is not None


def formats_of(text: "pl.Series") -> list[str]:
    """The date formats in which every value of a text column can be read; missing ones fit all."""
    formats = list(DATE_FORMATS)
    for part in (text.head(100), text):
        present = part.to_frame("text").select(without_missing(_column("text"))).to_series()
        present = present.drop_nulls()
        if present.is_empty():
            return []
        formats = [f for f in formats if _parse(present, f).null_count() == 0]
        if not formats:
            return []
    return formats


def moments_of(
    series: "pl.Series", date_format: str, source: str = "the table", first_row: int = 1
) -> "pl.Series":
    """A column as moments in UTC, datetime in microseconds, null where missing.

    Args:
        series: Dates, datetimes, times of day (of 1970-01-01) or text.
        date_format: One of `DATE_FORMATS`, for text; a time of day and a zone may follow the date.
        source: What the error calls the table.
        first_row: The number of the first row, for the error.

    Raises:
        TableError: a text is no date of this format, or the column holds something else.
    """
    import polars as pl

    if series.dtype == pl.Time:
        return series.cast(pl.Int64).cast(pl.Datetime("ns")).cast(pl.Datetime("us"))
    if series.dtype in (pl.Date, pl.Datetime, pl.Null):
        return series.cast(pl.Datetime("us"))
    if series.dtype != pl.String:
        raise TableError(
            f"column {series.name!r} of {source} must hold dates, it holds "
            f"{str(series.dtype).lower()} values"
        )
    text = series.to_frame().select(without_missing(pl.col(series.name))).to_series()
    moments = _parse(text, date_format)
    wrong = text.is_not_null() & moments.is_null()
    if wrong.any():
        row = wrong.arg_max() or 0
        raise TableError(
            f"row {first_row + row} of column {series.name!r} of {source} must be a date like "
            f"{_FORMAT_SHOWN[date_format]}, it is {shown(text[row])}"
        )
    return moments


def part_names(has_time: bool) -> tuple[str, ...]:
    """What `parts_of` makes of a moment, in its order."""
    cycles = _CYCLES if has_time else _CYCLES[:-1]
    return ("days", *(f"{wave} of {cycle}" for cycle in cycles for wave in ("sine", "cosine")))


def parts_of(moments: "pl.Series", has_time: bool) -> "pl.DataFrame":
    """Numbers that a network can learn from, float64, null where the moment is missing.

    Days since 1970-01-01, with their fraction; then, as sine and cosine, the place in the year, in
    the month, in the week (from Monday), and, if `has_time`, in the day.
    """
    import polars as pl

    moment = pl.col("moment")
    time_of_day = moment.dt.time().cast(pl.Int64) / (1e9 * _SECONDS_A_DAY)
    days_in_year = pl.when(moment.dt.is_leap_year()).then(366.0).otherwise(365.0)
    days_in_month = moment.dt.month_end().dt.day().cast(pl.Float64)
    places = {
        "year": (moment.dt.ordinal_day() - 1 + time_of_day) / days_in_year,
        "month": (moment.dt.day() - 1 + time_of_day) / days_in_month,
        "week": (moment.dt.weekday() - 1 + time_of_day) / 7,
        "day": time_of_day,
    }
    full_turn = 2 * 3.141592653589793
    parts = [moment.dt.timestamp("us") / (1e6 * _SECONDS_A_DAY)]
    for cycle in _CYCLES if has_time else _CYCLES[:-1]:
        angle = places[cycle].cast(pl.Float64) * full_turn
        parts += [angle.sin(), angle.cos()]
    names = part_names(has_time)
    return (
        moments.alias("moment")
        .to_frame()
        .select(part.cast(pl.Float64).alias(name) for name, part in zip(names, parts, strict=True))
    )


def _parse(text: "pl.Series", date_format: str) -> "pl.Series":
    import polars as pl

    part = _column("text").str.extract_groups(_DATE + _TIME + _ZONE).struct.field
    date = part("date").str.to_date(date_format, strict=False)
    hour, minute = (part(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute"))
    second = part("second").cast(pl.Float64).fill_null(0.0)
    ahead = part("zone_hour").cast(pl.Int64) * 60 + part("zone_minute").cast(pl.Int64)
    ahead = pl.when(part("sign") == "-").then(-ahead).otherwise(ahead).fill_null(0)
    seconds = (hour * 60 + minute - ahead) * 60 + second
    is_time = (hour < 24) & (minute < 60) & (second < 61)
    moment = date.cast(pl.Datetime("us")) + pl.duration(
        microseconds=(seconds * 1e6).round().cast(pl.Int64)
    )
    return text.alias("text").to_frame().select(pl.when(is_time).then(moment)).to_series()


def _column(name: str) -> "pl.Expr":
    import polars as pl

    return pl.col(name)
