"""Parse text such as $1,234.50, (27), 5,3 % and −4."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from multilayer.columns.fractions_and_durations import FRACTION, seconds_of, with_decimals
from multilayer.columns.number_format import NumberFormat

if TYPE_CHECKING:
    import polars as pl

MINUS_SIGNS = "-\N{MINUS SIGN}\N{EN DASH}"
SPACES = " \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}"
APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
NOTHING = r"[^\s\S]"
TIMES_TEN = r"e|\s*[×x*]\s*10\s*\^"  # before an exponent
_FOREIGN = {
    **{
        chr(zero + digit): str(digit)
        for zero in (0xFF10, 0x660, 0x6F0, 0x966)  # full-width, Arabic, Persian, Devanagari
        for digit in range(10)
    },
    **dict(zip("．，％＋－（）＄￥٫٬٪", ".,%+-()$¥.,%", strict=True)),  # noqa: RUF001
}
_HAS_FOREIGN = f"[{''.join(_FOREIGN)}]"
_SIGN = rf"[{MINUS_SIGNS[1:]}+-]"


def digits_pattern(decimal: str, thousands: str) -> str:
    """A regular expression of numbers without sign, exponent and affixes."""
    point = re.escape(decimal)
    fraction = rf"(?:{point}\d*)?"
    alternatives = [rf"\d+{fraction}", rf"{point}\d+", "inf(?:inity)?"]
    if thousands:
        between = {" ": f"[{SPACES}]", "'": f"[{APOSTROPHES}]"}.get(thousands, re.escape(thousands))
        alternatives.insert(0, rf"[1-9]\d{{0,2}}(?:{between}\d{{3}})+{fraction}")
        if thousands == ",":  # as in India: 12,34,567
            alternatives.insert(1, rf"[1-9]\d?(?:,\d{{2}})+,\d{{3}}{fraction}")
    return f"(?:{'|'.join(alternatives)})"


def written_pattern(digits: str, affixes: str, multiples: str = NOTHING) -> str:
    """A regular expression of whole texts; its groups are named.

    Args:
        digits: See `digits_pattern`.
        affixes: A regular expression of allowed prefixes and suffixes.
        multiples: A regular expression of multiplying suffixes, such as M for a million.
    """
    return (
        rf"(?i)^(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{affixes})?\s*"
        rf"(?P<inner>{_SIGN}|\()?\s*(?P<digits>{digits})"
        rf"(?:(?:{TIMES_TEN})(?P<exponent>[+-]?\d+)|d(?P<fortran>[+-]\d+))?\s*(?P<dash>-)?\s*"
        rf"(?P<multiple>{multiples})?\s*(?P<after>{affixes})?\s*(?P<trailing>-)?\s*"
        rf"(?P<close>\))?\s*(?P<last>{affixes})?$"
    )


def with_usual_signs(text: "pl.Series") -> "pl.Series":
    """Text with full-width, Arabic and Indian digits and signs replaced by ASCII ones."""
    if not text.str.contains(_HAS_FOREIGN).any():
        return text
    return text.str.replace_many(_FOREIGN)


def written_numbers(text: "pl.Series", number_format: NumberFormat) -> "pl.Series":
    """Text as float64, null where missing or not in this format.

    Plain numbers are accepted too unless a sign in them has another meaning in this format.
    """
    import polars as pl

    if number_format.is_duration:
        return seconds_of(text, number_format.writing)
    if number_format.writing == FRACTION:
        text = with_decimals(text, number_format.decimal)
    if number_format.is_plain:
        numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
        others = (numbers.is_null() & text.is_not_null()).arg_true()
        if len(others) and (odd := with_usual_signs(text[others])).str.contains(_PLAIN_SIGNS).any():
            written = odd.alias("text").to_frame().select(_value(_PLAIN, number_format))
            numbers = numbers.scatter(others, written.to_series())
        return numbers
    digits = digits_pattern(number_format.decimal, number_format.thousands)
    if number_format.units:
        numbers = pl.repeat(None, len(text), dtype=pl.Float64, eager=True).alias(text.name)
    else:
        numbers = _simple_numbers(text, digits, number_format)
    others = (numbers.is_null() & text.is_not_null()).arg_true()
    if not len(others):
        return numbers
    affixes, multiples = _one_of(number_format.affixes), rf"(?:{_one_of(number_format.scales)})\.?"
    pattern = written_pattern(digits, affixes, multiples)
    rest = with_usual_signs(text[others]).alias("text").to_frame()
    return numbers.scatter(others, rest.select(_value(pattern, number_format)).to_series())


def _simple_numbers(text: "pl.Series", digits: str, number_format: NumberFormat) -> "pl.Series":
    """Parse numbers with at most a minus sign before them; null for all others.

    These are the most frequent, and take a fraction of the time of the full pattern.
    """
    value = text.str.strip_chars()
    for affix in number_format.affixes:
        value = value.str.strip_suffix(affix).str.strip_prefix(affix)
    value = value.str.strip_chars()
    is_simple = value.str.contains(rf"^-?{digits}$") & value.str.contains(r"^-?[0-9]")
    value = value.set(~is_simple, None)
    if number_format.thousands:
        value = value.str.replace_all(f"[{_written_between(number_format.thousands)}]", "")
    if number_format.decimal != ".":
        value = value.str.replace(number_format.decimal, ".", literal=True)
    return value.cast(float, strict=False)


def _written_between(thousands: str) -> str:
    """The thousands separators, for use inside a regular expression's brackets."""
    return re.escape({" ": SPACES, "'": APOSTROPHES}.get(thousands, thousands))


def _one_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True))) or NOTHING


# Plain numbers that polars does not parse: (27), −4, 27-, 3×10^5; but no dates: 2024-01-31.
_PLAIN_SIGNS = (
    rf"\(|\d-[\s)-]*$|{MINUS_SIGNS[1]}|{MINUS_SIGNS[2]}|^\s*[+-]\s|10\s*\^|(?i:d[+-])|^[+-]?[\d.]+$"
)
_PLAIN = written_pattern(digits_pattern(".", ""), NOTHING)


def _value(pattern: str, number_format: NumberFormat) -> "pl.Expr":
    import polars as pl

    part = pl.col("text").str.strip_chars().str.extract_groups(pattern).struct.field
    digits = part("digits")
    if number_format.thousands:
        digits = digits.str.replace_all(f"[{_written_between(number_format.thousands)}]", "")
    if number_format.decimal != ".":
        digits = digits.str.replace(number_format.decimal, ".", literal=True)
    exponent = "e" + pl.coalesce(part("exponent"), part("fortran"))
    number = pl.concat_str([digits, exponent.fill_null("")]).cast(pl.Float64, strict=False)
    if number_format.scales:
        name = part("multiple").str.to_lowercase().str.strip_chars_end(".")
        # Among MB and GB, 5 alone says nothing.
        without = None if number_format.units else 1.0
        number *= name.replace_strict(
            number_format.scales, default=without, return_dtype=pl.Float64
        )
    # In 5.- the dash stands for the cents.
    line = pl.coalesce(part("dash"), part("trailing"))
    trailing = pl.when(~part("digits").str.ends_with(number_format.decimal)).then(line)
    signs = [part("sign"), part("inner"), trailing]
    num_signs = pl.sum_horizontal(sign.is_not_null() for sign in (*signs, part("open")))
    is_negative = part("open").is_not_null() | pl.any_horizontal(
        sign.is_in([*MINUS_SIGNS, "("]).fill_null(value=False) for sign in signs
    )
    is_open = part("open").is_not_null() | (part("inner") == "(").fill_null(value=False)
    is_right = (is_open == part("close").is_not_null()) & (num_signs <= 1)
    return pl.when(is_right).then(pl.when(is_negative).then(-number).otherwise(number))
