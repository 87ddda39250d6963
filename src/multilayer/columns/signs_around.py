"""What stands before and after the digits of numbers: signs of money, units, millions."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multilayer.columns.number_format import MULTIPLES
from multilayer.columns.units import same_unit, units_of
from multilayer.columns.written_numbers import APOSTROPHES, SPACES, written_pattern

if TYPE_CHECKING:
    import polars as pl

_CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|"
    "KRW|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|RMB|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_NAMED = r"(?:US|R|A|C|CA|AU|NZ|HK|S|NT|MX)\$|kr\.?|zł|Kč|Ft|lei|лв|S?Fr\.|Rs\.?|\p{Cyrillic}{3}\."
_CURRENCY = rf"(?:{_NAMED}|{_CODES}|\p{{Sc}})"
_SAME = {"usd": "$", "us$": "$", "eur": "€", "gbp": "£", "inr": "₹", "rs.": "₹", "rs": "₹"}
_AREA = r"(?:(?:sq|cu)\.?\s?(?:ft|in|yd|mi|k?m)\.?|fl\.?\s?oz\.?)"
_UNIT = rf"(?:[%‰\"″]|°[cf]?|{_AREA}|/?[\p{{L}}µ][\p{{L}}/·]{{0,11}}(?:[²³]|\^?[23]|\.)?|T€)"
# Before a sign of money: 1,5 Mio. €, 20 M€ and 3 k EUR, but not 9600 baud.
_SCALE = "|".join(sorted((text for text in MULTIPLES if len(text) > 1), key=len, reverse=True))
_SCALED = (
    rf"(?:(?P<scale>{_SCALE}|万|亿)\.?\s*(?P<scaled>{_CURRENCY})|"
    rf"(?P<letter>[kmb])\s*(?P<lettered>\p{{Sc}}|\s{_CURRENCY}))"
)
_ANY_DIGITS = rf"(?:\d|[.,]\d)(?:[\d.,_{APOSTROPHES}{SPACES}]*[\d.,])?"
LOOK = (
    written_pattern(_ANY_DIGITS, "~~")
    .replace("(?P<before>~~)", f"(?P<before>{_CURRENCY}|%)")
    .replace("(?P<after>~~)", f"(?:{_SCALED}|(?P<after>{_CURRENCY}|{_UNIT}))")
    .replace("(?P<last>~~)", f"(?P<last>{_CURRENCY}|%)")
)


def look_parts(text: "pl.Series") -> "pl.DataFrame":
    """Digits, and what stands before and after them, of texts that have the look of numbers.

    Returns:
        Columns digits, before, after and scale, which multiplies; text of other looks has no row.
    """
    import polars as pl

    part = pl.col("text").str.extract_groups(LOOK).struct.field
    after = [part(name) for name in ("after", "scaled", "lettered", "last")]
    return text.alias("text").to_frame().select(
        part("digits").str.strip_chars(), part("before"), pl.coalesce(after).alias("after"),
        pl.coalesce(part("scale"), part("letter")).alias("scale"),
    ).drop_nulls("digits")  # fmt: skip


def is_currency(affix: str) -> bool:
    """Whether a sign before or after a number is one of money."""
    import polars as pl

    return bool(pl.Series([affix]).str.contains(f"(?i)^{_CURRENCY}$").all())


def currency_of(affix: str) -> str:
    """One spelling for each currency: $ for USD and US$."""
    return _SAME.get(affix.casefold(), affix)


@dataclass(frozen=True)
class SignsAround:
    """What stands before and after the digits of a column.

    Attributes:
        affixes: See `NumberFormat`.
        multiples: See `NumberFormat`.
        currencies: All, each in one spelling.
        units: See `NumberFormat`.
    """

    affixes: tuple[str, ...] = ()
    multiples: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    units: str = ""

    @classmethod
    def of(cls, parts: "pl.DataFrame") -> "SignsAround":
        """Judge what `look_parts` gives."""
        before, after, scales = (
            _counted(parts[name].drop_nulls().to_list()) for name in ("before", "after", "scale")
        )
        counts = _counted([text for side in (before, after) for text in side.elements()])
        spelled = tuple(affix for affix in counts if is_currency(affix))
        currencies = tuple(
            {_SAME.get(affix.casefold(), affix): affix for affix in spelled}.values()
        )
        beside = [affix for affix in after if affix not in spelled]
        multiples = tuple({_multiple(affix): 0 for affix in (*scales, *beside) if _multiple(affix)})
        are_multiples = all(map(_multiple, beside))
        units = "" if before or scales or spelled else units_of(beside)
        if units and not (are_multiples and any(map(str.isupper, beside))):
            return cls(units=units)
        is_told = scales or before.keys() & set(spelled)
        if multiples and are_multiples and (len(multiples) > 1 or is_told or len(multiples[0]) > 2):
            affixes = tuple(affix for affix, _ in counts.most_common() if affix in spelled)
            # After 2.5K and 3M, 1B may come.
            others = tuple(text for text in "kmbt" if text not in multiples)
            multiples = (*multiples, *others) if set(multiples) & {"k", "m"} else multiples
            return cls(affixes if len(currencies) == 1 else affixes[:1], multiples, currencies)
        if not counts:
            return cls()
        affix, often = counts.most_common(1)[0]
        other_side = after if before[affix] else before
        second = tuple(
            other
            for other, count in other_side.most_common(1)
            if count >= often / 2 and other != affix and is_currency(other) != is_currency(affix)
        )
        same = [other for other in spelled if len(currencies) == 1]
        same += [other for other in beside if affix in beside and same_unit(affix, other)]
        others = tuple(other for other in same if other not in (affix, *second))
        return cls((affix, *second, *others), (), currencies)


def _multiple(text: str) -> str:
    """The key of `MULTIPLES` that a text after a number is; "" if it is none."""
    name = text.casefold().rstrip(".")
    return name if name in MULTIPLES else ""


def _counted(texts: list[str]) -> Counter[str]:
    """How often each text stands; upper and lower case are the same, spelled as the first is."""
    spelled: dict[str, str] = {}
    return Counter(spelled.setdefault(text.casefold(), text) for text in texts)
