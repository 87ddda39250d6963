"""Encode a categorical column: one-hot, as ±1, or as integer codes."""

from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import composed
from multilayer.columns.missing import present_text
from multilayer.columns.schema import CategoryMeaning, Column
from multilayer.columns.value_format import boolean_of

if TYPE_CHECKING:
    import polars as pl

CategoryForm = Literal["one-hot", "plus-minus", "codes"]
# More categories than this would make the input layer unreasonably wide.
MOST_ONE_HOT = 1000
# Above this, encoded rows keep one code in place of the one-hot columns.
_MOST_DENSE = 64
# Up to this many rows a dict lookup is faster than polars.
_FEW_ROWS = 10_000
_LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class CategoryColumn:
    """A categorical column of the table.

    Attributes:
        name: Of the column.
        categories: In ascending order; the first has the code 1.
        form: "one-hot"; "plus-minus", one input that is −1 for the first category and +1 for the
            second; or "codes", for a learned embedding.
        meaning: What the texts are. Accents match however they are written. Numbers match in any
            spelling, "3" and "3.0"; booleans are "true" and "false". If a text column arrives as
            numbers, 7 matches "007" unless another category is the same number.
        keep_na: NA, None and the like are categories; only empty text is missing.
    """

    name: str
    categories: tuple[str, ...]
    form: CategoryForm
    meaning: CategoryMeaning
    keep_na: bool = False

    @classmethod
    def fit(
        cls,
        series: "pl.Series",
        column: Column,
        one_hot_limit: int | None,
        *,
        keep_na: bool = False,
    ) -> tuple["CategoryColumn", NDArray[np.int64]]:
        """Find the categories of the training rows.

        Args:
            series: The column.
            column: Its entry in the schema.
            one_hot_limit: With more categories than this the form is codes. None: never codes; of
                more than 1,000 categories only the most frequent are kept, the others are unseen.
            keep_na: Whether NA, None and the like are categories.

        Returns:
            The column, and the number of rows of each code, (1 + num_categories,), missing first.
        """
        import polars as pl

        series = series.cast(pl.String) if series.dtype == pl.Categorical else series
        meaning = column.meaning or ("number" if series.dtype.is_numeric() else "text")
        if column.kind == "boolean":
            meaning = "boolean"
        reading = _Reading(meaning, keep_na, series.dtype == pl.Float32)
        counts: Counter[str] = Counter()
        for value, count in series.value_counts().iter_rows():
            text = reading.text_of(value)
            if text is not None:
                counts[composed(text)] += count
        if one_hot_limit is None and len(counts) > MOST_ONE_HOT:
            frequent = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_ONE_HOT]
            counts = Counter({text: counts[text] for text in frequent})
        categories = tuple(sorted(counts))
        form: CategoryForm = "one-hot"
        if len(counts) == 2:
            form = "plus-minus"
        elif one_hot_limit is not None and len(counts) > one_hot_limit:
            form = "codes"
        found = [counts[category] for category in categories]
        fitted = cls(series.name, categories, form, meaning, keep_na)
        return fitted, np.array([len(series) - sum(found), *found], dtype=np.int64)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the network inputs made from it."""
        if self.form == "one-hot":
            return tuple(f"{self.name} = {category}" for category in self.categories)
        if self.form == "plus-minus":
            return (f"{self.name} = {self.categories[1]}",)
        return (self.name,)

    @property
    def width(self) -> int:
        """Number of network inputs made from it."""
        return len(self.categories) if self.form == "one-hot" else 1

    @property
    def is_looked_up(self) -> bool:
        """Whether encoded rows hold its code in place of the one-hot columns."""
        return self.form == "one-hot" and len(self.categories) > _MOST_DENSE

    def passthrough_values(self) -> NDArray[np.float64]:
        """The unscaled inputs of each code, (1 + num_categories, width)."""
        if self.form == "plus-minus":
            return np.array([[0.0], [-1.0], [1.0]])
        return np.vstack([np.zeros(len(self.categories)), np.eye(len(self.categories))])

    def codes(self, series: "pl.Series") -> NDArray[np.int64]:
        """The code of each row, (num_rows,), from 1; 0 if the value is missing or unseen."""
        import polars as pl

        places = self._places
        series = series.cast(pl.String) if series.dtype == pl.Categorical else series
        by_number = self._places_by_number if series.dtype.is_numeric() else {}
        reading = self._reading
        if series.dtype == pl.Float32:
            reading = replace(reading, is_single=True)
        few = len(series) <= _FEW_ROWS
        values = series.to_list() if few else series.value_counts().to_series(0).to_list()
        # Work is done once for each distinct value.
        code_of = {}
        for value in set(values):
            text = reading.text_of(value)
            code = 0 if text is None else places.get(text) or places.get(composed(text), 0)
            code_of[value] = code or (by_number.get(float(text), 0) if by_number and text else 0)
        if few:
            return np.array([code_of[value] for value in values], np.int64)
        seen = {value: code for value, code in code_of.items() if code}
        if not seen:
            return np.zeros(len(series), dtype=np.int64)
        old = pl.Series(list(seen), dtype=series.dtype)
        codes = series.replace_strict(old, list(seen.values()), default=0, return_dtype=pl.Int64)
        return codes.fill_null(0).to_numpy()

    @cached_property
    def _reading(self) -> "_Reading":
        return _Reading(self.meaning, self.keep_na, is_single=False)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {category: place for place, category in enumerate(self.categories, start=1)}

    @cached_property
    def _places_by_number(self) -> dict[float, int]:
        """Codes of text categories that spell a number which no other category spells."""
        found: dict[float, list[int]] = {}
        for place, category in enumerate(self.categories if self.meaning == "text" else (), 1):
            with suppress(ValueError):
                found.setdefault(float(category), []).append(place)
        return {number: places[0] for number, places in found.items() if len(places) == 1}

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        document = {**asdict(self), "categories": list(self.categories)}
        if not self.keep_na:  # the default is not written, as in older files
            del document["keep_na"]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "CategoryColumn":
        """Read what `to_json` made."""
        column = cls(**{**document, "categories": tuple(document["categories"])})
        is_right = (
            isinstance(column.name, str)
            and all(isinstance(category, str) for category in column.categories)
            and len(set(column.categories)) == len(column.categories)
            and column.form in ("one-hot", "plus-minus", "codes")
            and (column.form != "plus-minus" or len(column.categories) == 2)
            and column.meaning in ("text", "number", "boolean")
            and isinstance(column.keep_na, bool)
        )
        if not is_right:
            raise ValueError(f"{column.name!r} is not a column of categories")
        return column


@dataclass(frozen=True)
class _Reading:
    """How values become the texts of categories.

    Args:
        meaning: See `CategoryColumn`.
        keep_na: See `CategoryColumn`.
        is_single: Whether numbers are float32: 3.1, not 3.0999999046.
    """

    meaning: CategoryMeaning
    keep_na: bool
    is_single: bool

    def text_of(self, value: Any) -> str | None:
        """The category; 3, 3.0 and, among numbers, "3.0" are all "3". None if missing."""
        if value is None:
            return None
        if self.is_single and isinstance(value, float):
            value = str(np.float32(value))
            is_text = False
        else:
            is_text = isinstance(value, str)
        text = str(value).strip() or None if self.keep_na and is_text else present_text(str(value))
        if text is None or (self.meaning == "text" and is_text):
            return text
        if self.meaning == "boolean":
            is_true = boolean_of(text)
            return None if is_true is None else str(is_true).lower()
        return spelled_number(text)


def spelled_number(text: str) -> str:
    """The canonical spelling of a number, "2.5" for "2.50"; other text unchanged."""
    try:
        number = float(text)
    except ValueError:
        return text
    if number.is_integer():
        return str(int(number)) if abs(number) < _LARGEST_EXACT else text
    return repr(number)
