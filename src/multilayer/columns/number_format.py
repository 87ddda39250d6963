"""How a text column writes its numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from multilayer.columns.fractions_and_durations import HOURS, MINUTES, WRITINGS
from multilayer.columns.units import UNITS
from multilayer.errors import TableError

_MULTIPLES = {
    1e3: "k thousand tsd тыс",
    1e4: "万",
    1e5: "lakh lac",
    1e6: "m mm mn mio million millions millionen miljoen млн",
    1e7: "crore cr",
    1e8: "亿",
    1e9: "b bn mrd billion billions milliarde milliarden miljard mld млрд",
    1e12: "t tn trillion trillions",
}
MULTIPLES = {text: value for value, texts in _MULTIPLES.items() for text in texts.split()}


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a text column are written; `NumberFormat()` is 1234.5 and 1e5.

    A percent sign does not scale: 21.2% is 21.2.

    Attributes:
        decimal: "." or ",".
        thousands: Thousands separator: "", ",", ".", " " (any space), "'" or "_".
        affixes: Currencies and units allowed before or after a number, such as $, CHF, % and kg.
        multiples: Suffixes that multiply a number, such as K and M.
        units: One of `UNITS`, if a column holds several units, such as MB and GB; else "".
        writing: One of `WRITINGS`, for fractions and durations; the latter are in seconds.
        missing: Texts of the training rows that are not numbers and are treated as missing.
    """

    decimal: str = "."
    thousands: str = ""
    affixes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    multiples: tuple[str, ...] = ()
    units: str = ""
    writing: str = ""

    def __post_init__(self) -> None:
        is_right = (
            self.decimal in (".", ",")
            and self.thousands in ("", ",", ".", " ", "'", "_")
            and self.thousands != self.decimal
            and all(isinstance(text, str) and text for text in (*self.affixes, *self.missing))
            and all(text in MULTIPLES for text in self.multiples)
            and self.units in ("", *UNITS)
            and self.writing in WRITINGS
        )
        if not is_right:
            raise TableError(f"{self} is not a valid number format")

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as 1234.5, whatever spells missing values."""
        is_bare = not (self.affixes or self.multiples or self.units or self.writing)
        return self.decimal == "." and not self.thousands and is_bare

    @property
    def is_duration(self) -> bool:
        """Whether the numbers are lengths of time such as 36:15:00."""
        return self.writing in (HOURS, MINUTES)

    @property
    def scales(self) -> dict[str, float]:
        """What the texts after a number, in lower case, multiply it by."""
        return UNITS[self.units] if self.units else {t: MULTIPLES[t] for t in self.multiples}

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        document = {**asdict(self), "affixes": list(self.affixes), "missing": list(self.missing)}
        # The usual formats are written as versions know them that know of no others.
        for name in ("multiples", "units", "writing"):
            value = document.pop(name)
            if value:
                document[name] = list(value) if name == "multiples" else value
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "NumberFormat":
        """Read what `to_json` made.

        Raises:
            TableError: a field is invalid.
            TypeError: a field is unknown.
        """
        names = ("affixes", "missing", "multiples")
        lists = {name: tuple(document.get(name, ())) for name in names}
        return cls(**{**document, **lists})
