"""How a text column writes its numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from multilayer.errors import TableError

_MULTIPLES = {
    1e3: "k thousand tsd",
    1e5: "lakh lac",
    1e6: "m mm mn mio million millions",
    1e7: "crore cr",
    1e9: "b bn mrd billion billions",
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
        missing: Texts of the training rows that are not numbers and are treated as missing.
    """

    decimal: str = "."
    thousands: str = ""
    affixes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    multiples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        is_right = (
            self.decimal in (".", ",")
            and self.thousands in ("", ",", ".", " ", "'", "_")
            and self.thousands != self.decimal
            and all(isinstance(text, str) and text for text in (*self.affixes, *self.missing))
            and all(text in MULTIPLES for text in self.multiples)
        )
        if not is_right:
            raise TableError(f"{self} is not a valid number format")

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as 1234.5, whatever spells missing values."""
        is_bare = not self.affixes and not self.multiples
        return self.decimal == "." and not self.thousands and is_bare

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        document = {**asdict(self), "affixes": list(self.affixes), "missing": list(self.missing)}
        del document["multiples"]
        return {**document, "multiples": list(self.multiples)} if self.multiples else document

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
