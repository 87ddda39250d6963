"""Detect how a text column writes its numbers: decimal sign, separators, currencies, units."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from multilayer.columns.missing import first_present, present_text, present_values
from multilayer.columns.number_format import MULTIPLES, NumberFormat
from multilayer.columns.text_numbers import parse_numbers, shown, whole_if_exact
from multilayer.columns.value_format import ValueFormat
from multilayer.columns.written_numbers import (
    APOSTROPHES,
    SPACES,
    TIMES_TEN,
    digits_pattern,
    with_usual_signs,
    written_numbers,
    written_pattern,
)

if TYPE_CHECKING:
    import polars as pl

_ROWS_TO_GLANCE_AT = 1000
_DIGIT = re.compile(r"\d|inf", re.IGNORECASE)
_FEWEST_ROWS = 20  # in fewer, one text among numbers may as well be a category
_NUMBER_SHARE, _FEWEST_NUMBERS = 0.95, 10
_MOST_STRAYS, _LEAST_SHARE, _MANY_NUMBERS = 3, 0.5, 20
_CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|"
    "KRW|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|RMB|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_NAMED = r"(?:US|R|A|C|CA|AU|NZ|HK|S|NT|MX)\$|kr\.?|zł|Kč|Ft|lei|лв|S?Fr\.|Rs\.?|\p{Cyrillic}{3}\."
_CURRENCY = rf"(?:{_NAMED}|{_CODES}|\p{{Sc}})"
_SAME = {"usd": "$", "us$": "$", "eur": "€", "gbp": "£", "inr": "₹", "rs.": "₹", "rs": "₹"}
_EXPONENT = rf"(?i)^[^,.]*\d,\d+(?:{TIMES_TEN})[+-]?\d+"
_AREA = r"(?:(?:sq|cu)\.?\s?(?:ft|in|yd|mi|k?m)\.?|fl\.?\s?oz\.?)"
_UNIT = rf"(?:[%‰]|°[cf]?|{_AREA}|/?[\p{{L}}µ][\p{{L}}/·]{{0,11}}(?:[²³]|\^?[23])?)"
_ANY_DIGITS = rf"(?:\d|[.,]\d)(?:[\d.,_{APOSTROPHES}{SPACES}]*[\d.,])?"
_LOOK = (
    written_pattern(_ANY_DIGITS, "~~")
    .replace("(?P<before>~~)", f"(?P<before>{_CURRENCY}|%)")
    .replace("(?P<after>~~)", f"(?P<after>{_CURRENCY}|{_UNIT})")
    .replace("(?P<last>~~)", f"(?P<last>{_CURRENCY}|%)")
)
# (decimal sign, thousands separator), in order of preference where several fit.
_SIGNS = (
    (".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"),
    (".", "_"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class NumbersFound:
    """The numbers found in a text column.

    Attributes:
        number_format: How they are written; strays are among its missing values.
        numbers: float64, null where there is none.
        example: One of the texts.
        strays: How often each text occurs that is not a number, in order of first occurrence.
        first_stray: The row of the first of them, from 0.
        are_numbers: Whether the column should be treated as numeric.
        doubt: A sentence on what else the texts could mean; "" if they are unambiguous.
        is_ambiguous: Whether commas could be decimal signs or thousands separators.
        currencies: Currencies found; amounts in more than one cannot be compared.
    """

    number_format: NumberFormat
    numbers: "pl.Series"
    example: str
    strays: dict[str, int]
    first_stray: int
    are_numbers: bool
    doubt: str = ""
    is_ambiguous: bool = False
    currencies: tuple[str, ...] = ()

    @property
    def has_points(self) -> bool:
        """Whether a point is the decimal sign."""
        is_plain = self.number_format.is_plain and self.numbers.dtype.is_float()
        return is_plain or (self.number_format.decimal == "." and "." in self.example)


def find_numbers(
    text: "pl.Series", told: ValueFormat | None = None, decimal_of_table: str | None = None
) -> NumbersFound | None:
    """Detect how a text column writes numbers.

    All values together decide what a comma is: 1,234 is 1234 if every comma is followed by three
    digits, otherwise 1.234. Up to 5% of the values, or up to three distinct texts, may be
    something else; they are treated as missing.

    Args:
        text: The column; values the user declared missing are null already.
        told: Decimal sign and separator set by the user.
        decimal_of_table: Decimal sign of other columns, used if this one is ambiguous.

    Returns:
        None if the values do not look like numbers.
    """
    import polars as pl

    told = told or ValueFormat()
    first = first_present(text)
    if not any(_DIGIT.search(value) for value in first):
        return None
    if told.decimal != "," and told.thousands in (None, ","):
        few = text.head(_ROWS_TO_GLANCE_AT)
        numbers = parse_numbers(few)
        if numbers is not None and len(few) < len(text):
            numbers = parse_numbers(text)
        if numbers is not None:
            whole = whole_if_exact(text, numbers.fill_nan(None))
            return NumbersFound(NumberFormat(), whole, first[0], {}, 0, are_numbers=True)
    values = text.drop_nulls().head(_ROWS_TO_GLANCE_AT).to_list()
    glance = pl.Series([t for t in map(present_text, values) if t is not None], dtype=pl.String)
    if with_usual_signs(glance).str.contains(_LOOK).mean() < _LEAST_SHARE:  # type: ignore[operator]
        return None
    distinct = with_usual_signs(_present(text).unique(maintain_order=True))
    part = pl.col("text").str.extract_groups(_LOOK).struct.field
    parts = distinct.alias("text").to_frame().select(
        part("digits").str.strip_chars(), part("before"), pl.coalesce(part("after"), part("last"))
    ).drop_nulls("digits")  # fmt: skip
    affixes, multiples, currencies = _signs_around(parts)
    # A comma before an exponent is a decimal sign: 6,673e+05 is 667,300.
    has_exponent = told.thousands is None and bool(
        with_usual_signs(glance).str.contains(_EXPONENT).any()
    )
    told_signs = replace(told, decimal=",") if has_exponent and told.decimal is None else told
    decimal, thousands, is_ambiguous = _signs(parts["digits"], told_signs, decimal_of_table)
    found = NumberFormat(decimal, thousands, affixes, multiples=multiples)
    numbers = written_numbers(text, found)
    present = present_values(text)
    is_stray = present.is_not_null() & numbers.is_null()
    num_present = len(present) - present.null_count()
    strays = Counter(present.filter(is_stray).to_list())
    are_numbers = len(currencies) < 2 and (
        not strays or _are_numbers(numbers, num_present, len(strays), found)
    )
    if strays and are_numbers:
        found = replace(found, missing=tuple(strays))
    is_number = numbers.is_not_null()
    doubt = ""
    if is_ambiguous:
        doubt = (
            f"the comma of {shown(_first(present, is_number & present.str.contains(',')))} is read "
            + ("as the decimal sign" if decimal == "," else "as a thousands separator")
            + f"; if it is not, add {'--thousands' if decimal == ',' else '--decimal'} ,"
        )
    elif "%" in affixes:
        bare = is_number & ~with_usual_signs(present).str.contains("%") & (numbers != 0)
        if bare.any():
            doubt = f"{int(bare.sum()):,} of its values have no %, and are read as if they had one"
    elif multiples:
        named = [text.upper() if len(text) == 1 else text for text in multiples]
        doubt = f"suffixes such as {shown(named[0])} multiply the number before them"
    elif units := [affix for affix in affixes if not is_currency(affix)]:
        doubt = f"{' and '.join(map(shown, units))} is read as their unit"
    example = _first(present, is_number & ~present.cast(pl.Float64, strict=False).is_not_null())
    return NumbersFound(
        found, numbers.fill_nan(None), example or glance[0], dict(strays),
        is_stray.arg_max() or 0 if strays else 0, are_numbers, doubt,
        is_ambiguous, currencies,
    )  # fmt: skip


def _are_numbers(
    numbers: "pl.Series", num_present: int, num_strays: int, found: NumberFormat
) -> bool:
    num_numbers, num_distinct = len(numbers) - numbers.null_count(), numbers.drop_nulls().n_unique()
    if num_present < _FEWEST_ROWS or num_numbers == 0:
        return False
    share = num_numbers / num_present
    if share >= _NUMBER_SHARE and num_distinct >= _FEWEST_NUMBERS:
        return True
    are_few = num_strays <= _MOST_STRAYS and num_distinct >= _MANY_NUMBERS
    return are_few and share >= _LEAST_SHARE and (not found.affixes or share >= _NUMBER_SHARE)


def _signs(
    digits: "pl.Series", told: ValueFormat, decimal_of_table: str | None
) -> tuple[str, str, bool]:
    """The decimal sign, the thousands separator, and whether a comma could be either."""
    fits = {}
    for decimal, thousands in _SIGNS:
        is_told = told.decimal in (None, decimal) and (
            told.thousands is None or thousands in ("", told.thousands)
        )
        if is_told:
            pattern = f"^{digits_pattern(decimal, thousands)}$"
            fits[decimal, thousands] = int(digits.str.contains(pattern).sum())
    if not fits:
        return told.decimal or ".", told.thousands or "", False
    decimal, thousands = max(fits, key=lambda signs: fits[signs])
    is_ambiguous = (
        (decimal, thousands) == (".", ",")
        and fits.get((",", ""), -1) == fits[decimal, thousands]
        and told.thousands is None
        and bool(digits.str.contains(",").all())
    )
    if is_ambiguous and decimal_of_table == ",":
        decimal, thousands = ",", ""
    return decimal, thousands, is_ambiguous


def _present(text: "pl.Series") -> "pl.Series":
    return present_values(text).drop_nulls()


def is_currency(affix: str) -> bool:
    """Whether a prefix or suffix of a number is a currency."""
    import polars as pl

    return bool(pl.Series([affix]).str.contains(f"(?i)^{_CURRENCY}$").all())


def _signs_around(
    parts: "pl.DataFrame",
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Affixes, multiplying suffixes and all currencies around the digits."""
    before, after = (_counted(parts[name].drop_nulls().to_list()) for name in ("before", "after"))
    counts = _counted([text for side in (before, after) for text in side.elements()])
    spelled = tuple(affix for affix in counts if is_currency(affix))
    currencies = tuple({_SAME.get(affix.casefold(), affix): affix for affix in spelled}.values())
    multiples = tuple(text for affix in after if (text := affix.casefold()) in MULTIPLES)
    has_others = len(multiples) < len(set(after) - set(spelled))
    if multiples and not has_others and (len(multiples) > 1 or before.keys() & set(spelled)):
        affixes = tuple(affix for affix, _ in counts.most_common() if affix in spelled)
        # Other files of a column with 2.5K and 3M may hold 1B.
        others = tuple(text for text in "kmbt" if text not in multiples)
        return (
            affixes[:1],
            (*multiples, *others) if set(multiples) & {"k", "m"} else multiples,
            currencies,
        )
    if not counts:
        return (), (), ()
    affix, often = counts.most_common(1)[0]
    other_side = after if before[affix] else before
    second = tuple(
        other
        for other, count in other_side.most_common(1)
        if count >= often / 2 and other != affix and is_currency(other) != is_currency(affix)
    )
    same = [other for other in spelled if other not in (affix, *second)]
    return (affix, *second, *(same if len(currencies) == 1 else ())), (), currencies


def _counted(texts: list[str]) -> Counter[str]:
    """Count texts ignoring case; each is spelled as it first occurs."""
    spelled: dict[str, str] = {}
    return Counter(spelled.setdefault(text.casefold(), text) for text in texts)


def _first(text: "pl.Series", which: "pl.Series") -> str:
    found = text.filter(which.fill_null(value=False))
    return "" if len(found) == 0 else str(found[0])
