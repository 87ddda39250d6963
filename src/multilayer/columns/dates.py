"""Detect and parse dates and times, and encode them as numbers."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from multilayer.columns.missing import first_present, present_values
from multilayer.columns.text_numbers import shown
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

ISO, COMPACT, TIME_OF_DAY = "%Y-%m-%d", "%Y%m%d", "%H:%M"
QUARTER, WEEK = "%Y-Q", "%G-W%V"  # each stands for its first day
# Each with an example. With named months, any separator between the parts counts as a space.
_FORMAT_SHOWN = {
    ISO: "2024-01-31",
    "%Y/%m/%d": "2024/01/31",
    "%Y.%m.%d": "2024.01.31",
    "%d.%m.%Y": "31.01.2024",
    "%d/%m/%Y": "31/01/2024",
    "%m/%d/%Y": "01/31/2024",
    "%d-%m-%Y": "31-01-2024",
    "%m-%d-%Y": "01-31-2024",
    "%d.%m.%y": "31.01.24",
    "%d/%m/%y": "31/01/24",
    "%m/%d/%y": "01/31/24",
    "%d-%m-%y": "31-01-24",
    "%m-%d-%y": "01-31-24",
    COMPACT: "20240131",
    "%d %B %Y": "31 January 2024",
    "%B %d %Y": "January 31, 2024",
    "%Y %B %d": "2024 January 31",
    "%d %B %y": "31-Jan-24",
    "%B %d %y": "Jan 31, 24",
    "%B %Y": "January 2024",
    "%B %y": "Jan-24",
    "%Y-%m": "2024-01",
    "%m/%Y": "01/2024",
    QUARTER: "2024-Q1",
    WEEK: "2024-W05",
    TIME_OF_DAY: "14:30",
}
DATE_FORMATS = tuple(_FORMAT_SHOWN)
_PARTS = {"%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{1,2}", "%d": r"\d{1,2}"}
_YEAR = r"(?:1[89]|2[01])\d{2}"  # restricted where the rest of the text hardly looks like a date
_BY_YEAR = {
    "%Y-%m": rf"{_YEAR}-(?:0?[1-9]|1[0-2])",
    "%m/%Y": rf"(?:0?[1-9]|1[0-2])/{_YEAR}",
    QUARTER: rf"(?:{_YEAR}[\s-]?Q[1-4]|Q[1-4][\s/-]?{_YEAR})",
    WEEK: rf"{_YEAR}-?W(?:0[1-9]|[1-4]\d|5[0-3])",
}
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s*)?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d*)?))?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?"
)
# Hours ahead of UTC; abbreviations that stand for several zones are left out.
_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9,
}  # fmt: skip
_ZONE = (
    r"(?:\s*(?:Z|UTC|GMT|(?:UTC|GMT)?(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})|"
    rf"(?P<zone>{'|'.join(_ZONES)})))?$"
)
_LOOK = re.compile(
    rf"\s*(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}|\d{{8}}\b|\d{{1,2}}:\d{{2}}|{_WEEKDAY}{_MONTH}\W*\d|"
    rf"(?:{'|'.join(_BY_YEAR.values())})$|"
    rf"{_WEEKDAY}\d{{1,4}}(?:st|nd|rd|th)?\W*(?:of )?{_MONTH}\W*\d)",
    re.IGNORECASE,
)
_FEWEST_ROWS, _DATE_SHARE = 20, 0.95

_SECONDS_A_DAY = 86_400
# Periods that are encoded as sine and cosine.
_CYCLES = ("year", "month", "week", "day")


@dataclass(frozen=True)
class DatesFound:
    """The dates found in a text column.

    Attributes:
        counts: How many values each format parses; the most frequent format first.
        strays: How often each text occurs that the first format cannot parse.
        first_stray: The row of the first of them, from 0.
        are_dates: Whether the column should be treated as dates of the first format.
        is_ambiguous: Whether another format parses the same values to different dates.
    """

    counts: dict[str, int]
    strays: dict[str, int]
    first_stray: int
    are_dates: bool
    is_ambiguous: bool

    @property
    def date_format(self) -> str:
        """The most frequent format."""
        return next(iter(self.counts))


def find_dates(text: "pl.Series") -> DatesFound | None:
    """Detect the date or time-of-day format of a text column.

    Of 20 or more values up to 5% may be something else; they are treated as missing.

    Returns:
        None if most values do not look like dates.
    """
    first = first_present(text)
    if sum(_LOOK.match(value) is not None for value in first) < max(1, len(first) / 2):
        return None
    present = present_values(text)
    num_present = len(present) - present.null_count()
    moments_in = {
        date_format: _parse(present, date_format)
        for date_format in DATE_FORMATS
        if any(_compiled(date_format).match(value) for value in first)
    }
    counts = +Counter({f: len(found) - found.null_count() for f, found in moments_in.items()})
    if not counts:
        return None
    ordered = dict(counts.most_common())
    best, *others = ordered
    moments = moments_in[best]
    is_ambiguous = any(
        moments_in[other].is_null().equals(moments.is_null())
        and not moments_in[other].equals(moments)
        for other in others
    )
    is_stray = present.is_not_null() & moments.is_null()
    strays = Counter(present.filter(is_stray).to_list())
    are_enough = num_present >= _FEWEST_ROWS and ordered[best] >= _DATE_SHARE * num_present
    return DatesFound(
        ordered, dict(strays), is_stray.arg_max() or 0, not strays or are_enough, is_ambiguous
    )


def shown_format(date_format: str) -> str:
    """The example 31 January 2024 in a date format."""
    return _FORMAT_SHOWN[date_format]


def formats_of(text: "pl.Series") -> list[str]:
    """The date formats that parse every non-missing value of a text column."""
    found = find_dates(text)
    if found is None or found.strays:
        return []
    most = next(iter(found.counts.values()))
    fitting = [date_format for date_format, count in found.counts.items() if count == most]
    return fitting if found.is_ambiguous else fitting[:1]


def moments_of(
    series: "pl.Series",
    date_format: str,
    source: str = "the table",
    first_row: int = 1,
    missing: tuple[str, ...] = (),
) -> "pl.Series":
    """A column as UTC datetimes in microseconds, null where missing.

    Args:
        series: Dates, datetimes, times of day (of 1970-01-01), text, or whole numbers such as
            20240131.
        date_format: One of `DATE_FORMATS`, for text; a time of day and a zone may follow the date.
        source: What the error calls the table.
        first_row: The number of the first row, for the error.
        missing: Texts that are missing values in addition to the usual ones.

    Raises:
        TableError: a text is not a date of this format, or the column holds another type.
    """
    import polars as pl

    if series.dtype == pl.Time:
        return series.cast(pl.Int64).cast(pl.Datetime("ns")).cast(pl.Datetime("us"))
    if series.dtype in (pl.Date, pl.Datetime, pl.Null):
        return series.cast(pl.Datetime("us"))
    if series.dtype.is_integer() and date_format == COMPACT:
        series = series.cast(pl.String)
    if series.dtype != pl.String:
        raise TableError(
            f"column {series.name!r} of {source} must hold dates, it holds "
            f"{str(series.dtype).lower()} values"
        )
    text = present_values(series)
    moments = _parse(text, date_format)
    wrong = text.is_not_null() & moments.is_null() & ~text.is_in(list(missing))
    if wrong.any():
        row = wrong.arg_max() or 0
        raise TableError(
            f"row {first_row + row} of column {series.name!r} of {source} must be a date like "
            f"{_FORMAT_SHOWN[date_format]}, it is {shown(text[row])}"
        )
    return moments


def part_names(has_time: bool) -> tuple[str, ...]:
    """Names of the features that `parts_of` returns, in the same order."""
    cycles = _CYCLES if has_time else _CYCLES[:-1]
    return ("days", *(f"{wave} of {cycle}" for cycle in cycles for wave in ("sine", "cosine")))


def parts_of(moments: "pl.Series", has_time: bool) -> "pl.DataFrame":
    """Numeric features of datetimes, float64, null where missing.

    Days since 1970-01-01 including the fraction; then the sine and cosine of the position in the
    year, month, week (from Monday), and, if `has_time`, day.
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

    is_named = "%B" in date_format
    pattern = _pattern(date_format)
    part = pl.col("text").str.extract_groups(pattern).struct.field
    if date_format == TIME_OF_DAY:
        date = pl.when(part("hour").is_not_null()).then(pl.date(1970, 1, 1)).otherwise(None)
    else:
        text_of_date, read = part("date"), date_format
        if is_named:
            text_of_date = (
                text_of_date.str.replace_all(r"(?i)(\d)(?:st|nd|rd|th)\b", "$1 ")
                .str.replace_all(r"(?i)\bof\b|[^0-9a-z]+", " ")
                .str.replace_all(r"(\d)([A-Za-z])", "$1 $2")
                .str.replace_all(r"([A-Za-z])(\d)", "$1 $2")
                .str.replace_all(r"(?i)\bsept\b", "Sep")
                .str.replace_all(r" +", " ")
                .str.strip_chars()
            )
        if date_format == QUARTER:
            year, quarter = (text_of_date.str.extract(p) for p in (r"(\d{4})", r"(?i)Q(\d)"))
            month = (quarter.cast(pl.Int64) * 3 - 2).cast(pl.String)
            text_of_date, read = pl.concat_str([year, month], separator=" "), "%Y %m"
        if date_format == WEEK:
            text_of_date, read = text_of_date.str.replace_all("(?i)[-W]", "") + "1", "%G%V%u"
        elif "%d" not in read:  # the first of the month
            text_of_date, read = "1 " + text_of_date, f"%d {read}"
        date = text_of_date.str.to_date(read, strict=False)
    hour, minute = (part(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute"))
    half, second = part("half").str.to_lowercase(), part("second").cast(pl.Float64).fill_null(0.0)
    is_twelve = half.is_null() | ((hour >= 1) & (hour <= 12))
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p").cast(int))
    ahead = part("zone_hour").cast(pl.Int64) * 60 + part("zone_minute").cast(pl.Int64)
    ahead = pl.when(part("sign") == "-").then(-ahead).otherwise(ahead)
    hours = part("zone").str.to_uppercase().replace_strict(
        list(_ZONES), list(_ZONES.values()), default=None, return_dtype=pl.Int64
    )  # fmt: skip
    ahead = pl.coalesce(ahead, hours * 60, 0)
    seconds = (hour * 60 + minute - ahead) * 60 + second
    is_right = is_twelve & (hour < 24) & (minute < 60) & (second < 61)
    moment = date.cast(pl.Datetime("us")) + pl.duration(
        microseconds=(seconds * 1e6).round().cast(pl.Int64)
    )
    return text.alias("text").to_frame().select(pl.when(is_right).then(moment)).to_series()


def _pattern(date_format: str) -> str:
    """A regular expression of dates in a format, optionally with time of day and time zone."""
    if date_format == TIME_OF_DAY:
        return f"(?i)^{_CLOCK}{_ZONE}"
    if date_format in _BY_YEAR:
        date = _BY_YEAR[date_format]
    elif "%B" in date_format:
        named = {"%d": r"\d{1,2}(?:st|nd|rd|th)?(?:\s+of)?", "%B": _MONTH}
        parts = [{**_PARTS, **named}[sign] for sign in date_format.split()]
        date = parts[0]
        for sign, part in zip(date_format.split()[1:], parts[1:], strict=True):
            touches = "*" if "%B" in (sign, date_format.split()[parts.index(part) - 1]) else "+"
            date += rf"[\s,.\-/']{touches}{part}"
    else:
        date = re.sub("%[Yymd]", lambda sign: _PARTS[sign[0]], date_format.replace(".", r"\."))
    clock = rf"(?:(?:T|,?\s+(?:at\s+)?){_CLOCK})?"
    return rf"(?i)^{_WEEKDAY}(?P<date>{date}){clock}{_ZONE}"


@cache
def _compiled(date_format: str) -> re.Pattern[str]:
    return re.compile(_pattern(date_format), re.ASCII)
