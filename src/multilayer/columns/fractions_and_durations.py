"""Fractions such as 1 1/2 and ½, and lengths of time such as 36:15:00 and 1h 20m, as numbers."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FRACTION = "fraction"
HOURS, MINUTES = "h:m", "m:s"  # what 36:15 means in a column of lengths of time
WRITINGS = ("", FRACTION, HOURS, MINUTES)

_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "\N{FRACTION SLASH}": "/",
}  # fmt: skip
_VULGAR = {sign: f" {text}" if len(text) > 1 else text for sign, text in _VULGAR.items()}
# Others are rather two numbers, as in 120/80, or a day and a month.
_DENOMINATORS = "2|3|4|5|6|8|10|12|16|20|25|32|50|64|100"
HAS_FRACTION = rf"\d\s?/\s?\d|[{''.join(_VULGAR)}]"
_FRACTION = (
    r"^(?P<head>[^\d/]*(?:[\d.,']*\d[.,'])?)(?P<whole>\d+[\s-]+)?(?P<over>\d{1,4})\s?/\s?"
    rf"(?P<under>{_DENOMINATORS})(?P<tail>[^\d/]*)$"
)
_CLOCK = r"(?P<first>\d{1,6}):(?P<second>[0-5]\d)(?::(?P<third>[0-5]\d))?(?P<part>[.,]\d+)?"
_COUNT = r"\d{1,9}(?:\.\d+)?"
_WORDS = (
    rf"(?:(?P<h>{_COUNT})\s*h(?:(?:ou)?rs?)?\.?)?[,\s]*(?:(?P<m>{_COUNT})\s*m(?:in(?:ute)?s?)?\.?)?"
    rf"[,\s]*(?:(?P<s>{_COUNT})\s*s(?:ec(?:ond)?s?)?\.?)?"
)
_DURATION = (
    r"(?i)^(?P<sign>[+\x{2212}-])?P?(?:(?P<days>\d{1,6})\s*d(?:ays?)?)?[,\s]*T?"
    rf"(?:\+?{_CLOCK}|{_WORDS})$"
).replace(r"\x{2212}", "\N{MINUS SIGN}")
_IS_DURATION = re.compile(_DURATION)


def with_decimals(text: "pl.Series", decimal: str) -> "pl.Series":
    """Text with decimals in the place of fractions, 1.5 in that of 1 1/2."""
    import polars as pl

    others = text.str.contains(HAS_FRACTION).fill_null(value=False).arg_true()
    if not len(others):
        return text
    written = (
        text[others].str.strip_chars().str.replace_many(_VULGAR).str.strip_chars().alias("text")
    )
    part = pl.col("text").str.extract_groups(_FRACTION).struct.field
    value = part("over").cast(pl.Float64) / part("under").cast(pl.Float64)
    whole = part("whole").str.strip_chars(" -\t\N{NO-BREAK SPACE}")
    digits = value.cast(pl.String)
    # Of 1,004 1/2 the digits before the fraction stay as they are.
    digits = (
        pl.when(whole.is_null()).then(digits)
        .when(value < 1).then(whole + digits.str.strip_prefix("0"))
    ).str.replace(".", decimal, literal=True)  # fmt: skip
    made = pl.coalesce(part("head").str.strip_chars(" ") + digits + part("tail"), pl.col("text"))
    # scatter would change the text that was given
    return text.clone().scatter(others, written.to_frame().select(made).to_series())


def writing_of_durations(text: "pl.Series", first: list[str]) -> str:
    """What 36:15 means where a column writes lengths of time; "" where it does not.

    Times of day are no lengths of time: one of at least 24 hours must be among these, or one with a
    sign, or words as in 2 days 03:00:00 and 1h 20m.

    Args:
        text: Present values, null where they are missing.
        first: Some of them.
    """
    import polars as pl

    if sum(_IS_DURATION.match(value) is not None for value in first) < max(1, len(first) / 2):
        return ""
    part = pl.col("text").str.strip_chars().str.extract_groups(_DURATION).struct.field
    words = pl.sum_horizontal(part(name).is_not_null() for name in ("days", "h", "m", "s"))
    is_clock = part("first").is_not_null()
    facts = text.drop_nulls().alias("text").to_frame().select(
        is_right=is_clock | (words > 0),
        is_long=(part("first").cast(pl.Int64) >= 24) | part("sign").is_not_null() & is_clock
        | (words > 1) | is_clock & (words > 0),
        has_seconds=part("third").is_not_null(),
        has_none=is_clock & part("third").is_null(),
    )  # fmt: skip
    if not facts["is_right"].mean() >= 0.5 or not facts["is_long"].any():  # type: ignore[operator]
        return ""
    return MINUTES if facts["has_seconds"].any() and facts["has_none"].any() else HOURS


def seconds_of(text: "pl.Series", writing: str) -> "pl.Series":
    """Lengths of time in seconds, float64; null where a text is none."""
    import polars as pl

    part = pl.col("text").str.strip_chars().str.extract_groups(_DURATION).struct.field
    days, h, m, s, first, second, third = (
        part(name).cast(pl.Float64) for name in ("days", "h", "m", "s", "first", "second", "third")
    )
    fraction = ("0" + part("part").str.replace(",", ".", literal=True)).cast(pl.Float64)
    has_hours = third.is_not_null() if writing == MINUTES else pl.lit(value=True)
    clock = pl.when(has_hours).then(3600 * first + 60 * second).otherwise(60 * first + second)
    clock = clock + third.fill_null(0.0) + fraction.fill_null(0.0)
    is_clock = first.is_not_null()
    is_there = is_clock | pl.any_horizontal(value.is_not_null() for value in (days, h, m, s))
    rest = pl.when(is_clock).then(clock).otherwise(
        3600 * h.fill_null(0.0) + 60 * m.fill_null(0.0) + s.fill_null(0.0)
    )  # fmt: skip
    is_negative = part("sign").is_in(["-", "\N{MINUS SIGN}"]).fill_null(value=False)
    sign = pl.when(is_negative).then(-1.0).otherwise(1.0)
    # Of -1 days +23:00:00 and -1 day, 23:00:00 the sign is that of the days.
    value = (
        pl.when(days.is_not_null() & is_clock).then(86400 * sign * days + rest)
        .otherwise(sign * (86400 * days.fill_null(0.0) + rest))
    )  # fmt: skip
    frame = text.alias("text").to_frame()
    return frame.select(pl.when(is_there).then(value)).to_series().alias(text.name)
