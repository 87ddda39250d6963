"""Detect numbers without the percent sign or unit that they had in training."""

import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

from multilayer.columns.find_numbers import NumbersFound
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.signs_around import currency_of, is_currency
from multilayer.columns.text_numbers import shown
from multilayer.columns.units import UNITS
from multilayer.errors import DataWarning, TableError

if TYPE_CHECKING:
    import polars as pl


class BareNumbers:
    """Counts, for each column, numbers without the unit of the training rows.

    If training rows hold 45%, a bare 0.45 is read as 0.45%. Currencies are ignored.

    Attributes:
        found: For each column with a unit: the unit, the count of numbers without it, the count of
            all numbers, and an example without it.
    """

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, int, int, str]] = {}

    def note(self, series: "pl.Series", number_format: NumberFormat | None) -> None:
        """Count values of a column.

        Args:
            series: Text or numbers.
            number_format: Of the training rows; None: plain numbers.
        """
        import polars as pl

        sign = None if number_format is None else _sign_that_matters(number_format)
        if sign is None:
            return
        if series.dtype == pl.String and sign in _REQUIRED:
            return
        if series.dtype == pl.String:
            values = series.filter(series.str.contains(r"\d"))
            pattern = "[%\N{FULLWIDTH PERCENT SIGN}]" if sign == "%" else f"(?i){re.escape(sign)}"
            bare = values.filter(~values.str.contains(pattern))
        elif series.dtype.is_numeric():
            bare = values = series.drop_nulls()
        else:
            return
        _, num_bare, num_values, example = self.found.get(series.name, (sign, 0, 0, ""))
        example = example or (str(bare[0]).strip() if len(bare) else "")
        counts = num_bare + len(bare), num_values + len(values)
        self.found[series.name] = sign, *counts, example

    def add(self, other: "BareNumbers") -> None:
        """Add the counts of further values."""
        for name, (sign, num_bare, num_values, example) in other.found.items():
            _, bare, values, before = self.found.get(name, (sign, 0, 0, ""))
            self.found[name] = sign, bare + num_bare, values + num_values, before or example

    def sentences(self, what: str = "column") -> list[str]:
        """A sentence for each column in which most values lack the unit."""
        return [
            f"{what} {name!r} has no {sign} in {num_bare:,} of {num_values:,} values, but its "
            f"training rows have it: {example} is read as {example} {sign}; use the same format"
            for name, (sign, num_bare, num_values, example) in self.found.items()
            if num_bare > num_values / 2
        ]

    def warn(self, what: str = "column") -> None:
        """Issue each sentence as a DataWarning."""
        for text in self.sentences(what):
            warnings.warn(text, DataWarning, stacklevel=4)


def check_signs(what: str, found: NumbersFound, written: NumberFormat | None) -> bool:
    """Compare the units of numbers with those of the training rows.

    A percent sign or unit that the training rows do not have is a `DataWarning`.

    Args:
        what: The name of the numbers in messages.
        found: The numbers.
        written: How the training rows are written; None: plain numbers.

    Returns:
        Whether there was such a warning.

    Raises:
        TableError: They are in another currency.
    """
    affixes = found.number_format.affixes
    known = () if written is None else written.affixes
    money = [affix for affix in affixes if is_currency(affix)]
    known_money = [affix for affix in known if is_currency(affix)]
    if known_money and {currency_of(m) for m in money} - {currency_of(k) for k in known_money}:
        raise TableError(
            f"{what} holds amounts in {money[0]}, such as {shown(found.example)}, but its training "
            f"rows are in {known_money[0]}; convert them"
        )
    units = [affix for affix in affixes if affix not in money]
    is_other = bool(units) and not set(units) & set(known)
    if is_other:
        warnings.warn(
            f"{what} comes with {units[0]}, which the training rows do not: "
            f"{found.example!r} is read as {found.example.replace(units[0], '').strip()}",
            DataWarning,
            stacklevel=4,
        )
    return is_other


# What text must have there; a number alone counts as one of these.
_REQUIRED = tuple(UNITS)


@cache
def _sign_that_matters(number_format: NumberFormat) -> str | None:
    if number_format.is_duration:
        return "seconds"
    affixes = (affix for affix in number_format.affixes if not is_currency(affix))
    return number_format.units or next(affixes, None)
