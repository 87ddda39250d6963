"""Text such as $1,234.50, (27), 5,3 % and −4 as numbers."""

import re
from typing import TYPE_CHECKING

from multilayer.columns.number_format import NumberFormat

if TYPE_CHECKING:
    import polars as pl

MINUS_SIGNS = "-\N{MINUS SIGN}\N{EN DASH}"
SPACES = " \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}"
APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
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


def written_pattern(digits: str, affixes: str) -> str:
    """A regular expression of whole texts; its groups are named.

    Args:
        digits: See `digits_pattern`.
        affixes: A regular expression of what may stand before and after.
    """
    return (
        rf"(?i)^(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{affixes})?\s*"
        rf"(?P<inner>{_SIGN})?\s*(?P<digits>{digits})(?P<exponent>e[+-]?\d+)?\s*"
        rf"(?P<after>{affixes})?\s*(?P<trailing>-)?\s*(?P<close>\))?$"
    )


def written_numbers(text: "pl.Series", number_format: NumberFormat) -> "pl.Series":
    """Text as float64; null where it is missing or not written so.

    Plain numbers count as well if no sign in them would mean something else.
    """
    import polars as pl

    if number_format.is_plain:
        numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
        others = (numbers.is_null() & text.is_not_null()).arg_true()
        if len(others) and text[others].str.contains(_PLAIN_SIGNS).any():
            written = text[others].alias("text").to_frame().select(_value(_PLAIN, number_format))
            numbers = numbers.scatter(others, written.to_series())
        return numbers
    affixes = "|".join(re.escape(a) for a in sorted(number_format.affixes, key=len, reverse=True))
    digits = digits_pattern(number_format.decimal, number_format.thousands)
    pattern = written_pattern(digits, affixes or r"[^\s\S]")
    return (
        text.alias("text")
        .to_frame()
        .select(_value(pattern, number_format))
        .to_series()
        .alias(text.name)
    )


# Of plain numbers those that polars does not read: (27), −4.
_PLAIN_SIGNS = rf"\(|\d-|{MINUS_SIGNS[1]}|{MINUS_SIGNS[2]}|^\s*[+-]\s"
_PLAIN = written_pattern(digits_pattern(".", ""), r"[^\s\S]")


def _value(pattern: str, number_format: NumberFormat) -> "pl.Expr":
    import polars as pl

    part = pl.col("text").str.strip_chars().str.extract_groups(pattern).struct.field
    digits = part("digits")
    if number_format.thousands:
        between = {" ": SPACES, "'": APOSTROPHES}.get(
            number_format.thousands, number_format.thousands
        )
        digits = digits.str.replace_all(f"[{re.escape(between)}]", "")
    if number_format.decimal != ".":
        digits = digits.str.replace(number_format.decimal, ".", literal=True)
    number = pl.concat_str([digits, part("exponent").fill_null("")]).cast(pl.Float64, strict=False)
    # In 5.- the line stands for the cents.
    trailing = pl.when(~part("digits").str.ends_with(number_format.decimal)).then(part("trailing"))
    signs = [part("sign"), part("inner"), trailing]
    num_signs = pl.sum_horizontal(sign.is_not_null() for sign in (*signs, part("open")))
    is_negative = part("open").is_not_null() | pl.any_horizontal(
        sign.is_in(list(MINUS_SIGNS)).fill_null(value=False) for sign in signs
    )
    is_right = (part("open").is_null() == part("close").is_null()) & (num_signs <= 1)
    return pl.when(is_right).then(pl.when(is_negative).then(-number).otherwise(number))
