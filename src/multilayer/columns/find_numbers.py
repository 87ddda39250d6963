"""Detect how a text column writes its numbers: decimal sign, separators, currencies, units."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from multilayer.columns.fractions_and_durations import (
    FRACTION,
    HAS_FRACTION,
    HOURS,
    with_decimals,
    writing_of_durations,
)
from multilayer.columns.missing import first_present, present_text, present_values
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.signs_around import LOOK, SignsAround, is_currency, look_parts
from multilayer.columns.text_numbers import parse_numbers, shown, whole_if_exact
from multilayer.columns.value_format import ValueFormat
from multilayer.columns.written_numbers import (
    TIMES_TEN,
    digits_pattern,
    with_usual_signs,
    written_numbers,
)

if TYPE_CHECKING:
    import polars as pl

_ROWS_TO_GLANCE_AT = 1000
_DIGIT = re.compile(r"\d|inf", re.IGNORECASE)
_FEWEST_ROWS = 20  # in fewer, one text among numbers may as well be a category
_NUMBER_SHARE, _FEWEST_NUMBERS = 0.95, 10
_MOST_STRAYS, _LEAST_SHARE, _MANY_NUMBERS = 3, 0.5, 20
_EXPONENT = rf"(?i)^[^,.]*\d,\d+(?:{TIMES_TEN})[+-]?\d+"
_UNIT_ALONE = r"[\[(]?[^\W\d_]{0,8}[^\w\s]?[^\W\d_]{0,8}[23²³]?[\])]?"  # kg, (m/s), %, m2
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
    def unit_in_first_row(self) -> str:
        """The text of the first row, if it is the only one that is not a number; else ""."""
        text = next(iter(self.strays), "").strip()
        is_alone = self.first_stray == 0 and list(self.strays.values()) == [1]
        return text if is_alone and re.fullmatch(_UNIT_ALONE, text) else ""

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
    if writing := writing_of_durations(text, first):
        found = _found(text, NumberFormat(writing=writing))
        return replace(found, doubt=_doubt_of_durations(text, writing))
    values = text.drop_nulls().head(_ROWS_TO_GLANCE_AT).to_list()
    glance = pl.Series([t for t in map(present_text, values) if t is not None], dtype=pl.String)
    glance = with_usual_signs(glance)
    writing = FRACTION if glance.str.contains(HAS_FRACTION).any() else ""
    if writing:
        glance = with_decimals(glance, told.decimal or ".")
    if glance.str.contains(LOOK).mean() < _LEAST_SHARE:  # type: ignore[operator]
        return None
    distinct = with_usual_signs(_present(text).unique(maintain_order=True))
    if writing:
        distinct = with_decimals(distinct, told.decimal or ".")
    parts = look_parts(distinct)
    signs = SignsAround.of(parts)
    # A comma before an exponent is a decimal sign: 6,673e+05 is 667,300.
    has_exponent = told.thousands is None and bool(glance.str.contains(_EXPONENT).any())
    told_signs = replace(told, decimal=",") if has_exponent and told.decimal is None else told
    decimal, thousands, is_ambiguous = _signs(parts["digits"], told_signs, decimal_of_table)
    number_format = NumberFormat(
        decimal, thousands, signs.affixes, (), signs.multiples, signs.units, writing
    )
    found = _found(text, number_format, signs.currencies)
    return replace(found, doubt=_doubt(text, found, is_ambiguous), is_ambiguous=is_ambiguous)


def _found(
    text: "pl.Series", number_format: NumberFormat, currencies: tuple[str, ...] = ()
) -> NumbersFound:
    """The numbers of a column in a given format."""
    import polars as pl

    numbers = written_numbers(text, number_format)
    present = present_values(text)
    is_stray = present.is_not_null() & numbers.is_null()
    num_present = len(present) - present.null_count()
    strays = Counter(present.filter(is_stray).to_list())
    are_numbers = len(currencies) < 2 and (
        not strays or _are_numbers(numbers, num_present, len(strays), number_format)
    )
    if strays and are_numbers:
        number_format = replace(number_format, missing=tuple(strays))
    is_number = numbers.is_not_null()
    example = _first(present, is_number & present.cast(pl.Float64, strict=False).is_null())
    example = example or _first(present, is_number) or _first(present, present.is_not_null())
    return NumbersFound(
        number_format, numbers.fill_nan(None), example, dict(strays),
        is_stray.arg_max() or 0 if strays else 0, are_numbers, currencies=currencies,
    )  # fmt: skip


def _doubt_of_durations(text: "pl.Series", writing: str) -> str:
    doubt = "they are durations, in seconds"
    two_parts = text.filter(text.str.contains(r"^\D*\d+:\d\d\s*$"))
    if len(two_parts):
        meaning = "hours and minutes" if writing == HOURS else "minutes and seconds"
        doubt += f"; {shown(two_parts[0])} is read as {meaning}"
    return doubt


def _doubt(text: "pl.Series", found: NumbersFound, is_ambiguous: bool) -> str:
    """How ambiguous texts are read, a sentence; "" if none is."""
    number_format, doubts = found.number_format, []
    present, is_number = present_values(text), found.numbers.is_not_null()
    if is_ambiguous:
        is_decimal = number_format.decimal == ","
        return (
            f"the comma of {shown(_first(present, is_number & present.str.contains(',')))} is read "
            + ("as the decimal sign" if is_decimal else "as a thousands separator")
            + f"; if it is not, add {'--thousands' if is_decimal else '--decimal'} ,"
        )
    affixes = number_format.affixes
    units = [affix for affix in affixes if affix != "%" and not is_currency(affix)]
    if number_format.multiples:
        texts = number_format.multiples
        named = [text.upper() if len(text) == 1 else text for text in texts]
        doubts.append(f"suffixes such as {shown(named[0])} multiply the number before them")
    if number_format.units:
        doubts.append(f"they are in several units, and are converted to {number_format.units}")
    if units:
        are = "is" if len(units) == 1 else "are"
        doubts.append(f"{' and '.join(map(shown, units))} {are} read as their unit")
    if affixes:
        pattern = "|".join(map(re.escape, affixes))
        bare = ~with_usual_signs(present).str.contains(f"(?i){pattern}")
        number = int((is_number & bare & (found.numbers != 0)).sum())
        if number:
            have = "has" if number == 1 else "have"
            doubts.append(
                f"{number:,} of its values {have} no {affixes[0]}, and are read as if they had one"
            )
    if number_format.writing:
        fraction = shown(_first(present, present.str.contains(HAS_FRACTION)))
        doubts.append(f"fractions such as {fraction} are read as decimals")
    return "; ".join(doubts)


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


def _first(text: "pl.Series", which: "pl.Series") -> str:
    found = text.filter(which.fill_null(value=False))
    return "" if len(found) == 0 else str(found[0])
