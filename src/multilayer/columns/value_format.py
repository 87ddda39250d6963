"""How values are written, as set by the user."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from multilayer.errors import SettingsError

if TYPE_CHECKING:
    import polars as pl

DECIMAL_SIGNS = (".", ",")
THOUSANDS_SIGNS = (",", ".", " ", "'")
# In lower case.
BOOLEAN_SPELLINGS = {
    **dict.fromkeys(("true", "yes", "t", "y", "on", "1"), True),
    **dict.fromkeys(("false", "no", "f", "n", "off", "0"), False),
}


@dataclass(frozen=True)
class ValueFormat:
    """How the values of a table are written.

    Attributes:
        decimal: The decimal sign, "." or ","; None: detected in each column.
        thousands: The thousands separator, ",", ".", " " (any space) or "'"; None: detected in
            each column.
        missing: Spellings of missing values in addition to the usual ones, ignoring case; -999
            also matches the number.
        keep_na: In text and labels, NA, None and the like are values; only empty text is missing.

    Raises:
        SettingsError: a sign is none of these, both are the same, or a spelling is not a string.
    """

    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    keep_na: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in (None, *DECIMAL_SIGNS):
            raise SettingsError(f"decimal must be . or , not {self.decimal!r}")
        if self.thousands not in (None, *THOUSANDS_SIGNS):
            raise SettingsError(
                f"thousands must be a comma, a point, a space or ', not {self.thousands!r}"
            )
        if self.decimal is not None and self.decimal == self.thousands:
            raise SettingsError(f"decimal and thousands cannot both be {self.decimal!r}")
        if isinstance(self.missing, str) or not all(isinstance(t, str) for t in self.missing):
            raise SettingsError(f"missing must be a tuple of strings, not {self.missing!r}")
        if not isinstance(self.keep_na, bool):
            raise SettingsError(f"keep_na must be true or false, not {self.keep_na!r}")

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return {**asdict(self), "missing": list(self.missing)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ValueFormat":
        """Read what `to_json` made.

        Raises:
            SettingsError: a field is invalid.
            TypeError: a field is unknown, or `missing` is not a list.
        """
        return cls(**{**document, "missing": tuple(document.get("missing", ()))})


def with_missing_told(
    frame: "pl.DataFrame", missing: tuple[str, ...], columns: tuple[str, ...]
) -> "pl.DataFrame":
    """Replace the user's spellings of missing values by null in the named columns."""
    import polars as pl

    if not missing or not columns:
        return frame
    texts = missing_told_texts(missing)
    numbers = [number for text in texts if (number := _number(text)) is not None]
    changed, types = [], frame.schema
    for name in columns:
        dtype, value = types[name], pl.col(name)
        if dtype == pl.String:
            changed.append(
                pl.when(value.str.strip_chars().str.to_lowercase().is_in(texts).not_()).then(value)
            )
        elif dtype.is_numeric() and numbers:
            changed.append(pl.when(value.cast(pl.Float64).is_in(numbers).not_()).then(value))
    return frame.with_columns(changed) if changed else frame


def missing_told_texts(missing: tuple[str, ...]) -> tuple[str, ...]:
    """The spellings in lower case, stripped."""
    return tuple(text.strip().lower() for text in missing)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def boolean_of(value: object) -> bool | None:
    """The boolean that a value spells, or None."""
    return BOOLEAN_SPELLINGS.get(str(value).strip().lower().removesuffix(".0"))
