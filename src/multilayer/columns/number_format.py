"""How a column of text writes its numbers."""

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

    The value is the number before a percent sign, 21.2 for 21.2%.

    Attributes:
        decimal: "." or ",".
        thousands: Between groups of digits: "", ",", ".", " " (of any kind), "'" or "_".
        affixes: Signs, codes and units that may stand before or after a number, such as $, CHF,
            % and kg.
        multiples: Texts after a number that multiply it, such as K and M.
        missing: Texts of the training rows that are no numbers and count as missing values.
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
            raise TableError(f"{self} says not how numbers are written")

    @property
    def is_plain(self) -> bool:
        """Whether it is the writing of computers, apart from missing values."""
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
            TableError: a field is not what it must be.
            TypeError: there are other fields.
        """
        names = ("affixes", "missing", "multiples")
        lists = {name: tuple(document.get(name, ())) for name in names}
        return cls(**{**document, **lists})
