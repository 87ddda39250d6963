"""How a column of text writes its numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from multilayer.errors import TableError


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a text column are written; `NumberFormat()` is 1234.5 and 1e5.

    The value is the number before a percent sign, 21.2 for 21.2%.

    Attributes:
        decimal: "." or ",".
        thousands: Between groups of digits: "", ",", ".", " " (of any kind) or "'".
        affixes: Signs, codes and units that may stand before or after a number, such as $, CHF,
            % and kg.
        missing: Texts of the training rows that are no numbers and count as missing values.
    """

    decimal: str = "."
    thousands: str = ""
    affixes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        is_right = (
            self.decimal in (".", ",")
            and self.thousands in ("", ",", ".", " ", "'")
            and self.thousands != self.decimal
            and all(isinstance(text, str) and text for text in (*self.affixes, *self.missing))
        )
        if not is_right:
            raise TableError(f"{self} says not how numbers are written")

    @property
    def is_plain(self) -> bool:
        """Whether it is the writing of computers, apart from missing values."""
        return self.decimal == "." and not self.thousands and not self.affixes

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return {**asdict(self), "affixes": list(self.affixes), "missing": list(self.missing)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "NumberFormat":
        """Read what `to_json` made.

        Raises:
            TableError: a field is not what it must be.
            TypeError: there are other fields.
        """
        lists = {name: tuple(document.get(name, ())) for name in ("affixes", "missing")}
        return cls(**{**document, **lists})
