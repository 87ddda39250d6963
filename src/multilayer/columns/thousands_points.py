"""Columns of text in which a point may stand between thousands."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import Schema
from multilayer.columns.text_numbers import whole_if_exact
from multilayer.columns.value_format import ValueFormat
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

# Only thousands: 1.234,5 and 1.234.567.
_SURELY_THOUSANDS = r"\d{1,3}(?:\.\d{3})+,\d|\d{1,3}(?:\.\d{3}){2,}"


@dataclass(frozen=True)
class ThousandsPoints:
    """The columns whose text 1.234 is read as 1234.

    JSON and workbooks have numbers besides text. There 1.234 is never 1234, whatever the texts of
    a column are like.

    Attributes:
        names: Of columns and targets known to be written so.
        everywhere: Whether the user said that it holds for every column.
    """

    names: frozenset[str] = frozenset()
    everywhere: bool = False

    def __contains__(self, name: object) -> bool:
        return self.everywhere or name in self.names

    def wherever(self) -> "ThousandsPoints":
        """The same of a table whose columns have other names."""
        return ThousandsPoints(everywhere=self.everywhere or bool(self.names))

    @classmethod
    def told(cls, values: ValueFormat) -> "ThousandsPoints":
        """What the user said of a table whose columns are not known yet."""
        return cls(everywhere=values.decimal == "," or values.thousands == ".")

    @classmethod
    def of(cls, schema: Schema) -> "ThousandsPoints":
        """What was found in the training rows."""
        return cls.of_formats(
            {
                **{column.name: column.number_format for column in schema.columns},
                **dict(zip(schema.targets, schema.target_formats, strict=False)),
            }
        )

    @classmethod
    def of_formats(cls, formats: Mapping[str, NumberFormat | None]) -> "ThousandsPoints":
        """The columns of some formats."""
        return cls(frozenset(name for name, one in formats.items() if one and one.thousands == "."))


class TypedNumbers:
    """The columns of a file that hold numbers as such beside text; kept from piece to piece.

    Args:
        source: Name of the file in errors.
        points: Columns whose numbers as such must not become text.
    """

    def __init__(self, source: str, points: ThousandsPoints) -> None:
        self._source, self._points = source, points
        self._numbers: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def settled(
        self,
        frame: "pl.DataFrame",
        numeric: Collection[str],
        number_in: Callable[[str], str | None],
    ) -> "pl.DataFrame":
        """A piece in which no number as such can be mistaken for a text.

        Args:
            frame: The piece; all columns are text.
            numeric: Columns without text.
            number_in: For another column, a number as such that is no integer; None: it has none.

        Returns:
            The piece; those of `numeric` in whose text a point may stand between thousands are
            int64 or float64.

        Raises:
            TableError: a column holds numbers as such and texts with points between thousands.
        """
        import polars as pl

        typed, numeric = [], set(numeric)
        for name in frame.columns:
            texts = frame[name]
            if name in numeric:
                if name not in self._numbers and (number := _first(texts, r"\d[.eE]")):
                    self._numbers[name] = number
                if name in self._points:
                    numbers = texts.cast(pl.Float64, strict=False)
                    texts = texts.filter(numbers.is_null())  # true and false
                    if not texts.count():
                        typed.append(whole_if_exact(frame[name], numbers))
            if name not in numeric or texts.len() < len(frame):
                self._find_texts(name, texts, number_in)
            if name in self._numbers and name in self._texts:
                raise TableError(
                    f"column {name!r} of {self._source} holds numbers such as "
                    f"{self._numbers[name]} and texts such as {self._texts[name]!r}; in its texts "
                    "a point stands between thousands, so write all as numbers or all as text"
                )
        return frame.with_columns(typed)

    def _find_texts(
        self, name: str, texts: "pl.Series", number_in: Callable[[str], str | None]
    ) -> None:
        """Keep an example of text with points between thousands, and of a number beside it."""
        pattern = "" if name in self._points else _SURELY_THOUSANDS
        text = self._texts.get(name) or _first(texts, pattern)
        if text and name not in self._numbers and (number := number_in(name)):
            self._numbers[name] = number
            text = _first(texts.filter(texts != number), pattern) or text
        if text:
            self._texts[name] = text


def _first(texts: "pl.Series", pattern: str) -> str:
    """The first text that matches, or none."""
    found = texts.filter(texts.str.contains(pattern)) if pattern else texts.drop_nulls()
    return str(found[0]) if len(found) else ""
