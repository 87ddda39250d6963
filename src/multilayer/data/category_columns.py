"""Categories of a table as one-hot columns, as ±1, or as codes."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilayer.data.booleans import boolean_of
from multilayer.data.missing import present_text

if TYPE_CHECKING:
    import polars as pl

CategoryMeaning = Literal["text", "number", "boolean"]
CategoryForm = Literal["one-hot", "plus-minus", "codes"]
# A column with more categories than this would make the network's input unreasonably wide.
MOST_ONE_HOT = 1000
# One-hot columns of more categories are a single number in encoded rows.
_MOST_DENSE = 64
# In fewer rows a value is looked up faster here than in polars.
_FEW_ROWS = 10_000
_LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class CategoryColumn:
    """A categorical column of the table.

    Attributes:
        name: Of the column.
        categories: Their texts, in ascending order; the first has the code 1.
        form: As what the network gets them: a column for each, one column of −1 (the first) and
            +1 (the second), or the code, for a learned embedding.
        meaning: What the texts stand for. Numbers are the same in any spelling, "3" and "3.0";
            booleans are "true" and "false", however they are spelled.
    """

    name: str
    categories: tuple[str, ...]
    form: CategoryForm
    meaning: CategoryMeaning

    @classmethod
    def fit(
        cls, series: "pl.Series", is_boolean: bool, one_hot_limit: int | None
    ) -> tuple["CategoryColumn", NDArray[np.int64]]:
        """Find the categories of the training rows; also count them, missing ones first.

        Args:
            series: The column.
            is_boolean: Whether it holds true and false.
            one_hot_limit: With more categories than this the form is codes; None: it never is, but
                of more than 1,000 categories the most frequent count, and the others as unseen.
        """
        meaning: CategoryMeaning = "text"
        if is_boolean or series.dtype.is_numeric():
            meaning = "boolean" if is_boolean else "number"
        counts: Counter[str] = Counter()
        for value, count in series.value_counts().iter_rows():
            text = _text_of(value, meaning)
            if text is not None:
                counts[text] += count
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
        column = cls(series.name, categories, form, meaning)
        return column, np.array([len(series) - sum(found), *found], dtype=np.int64)

    @property
    def input_names(self) -> tuple[str, ...]:
        """What each of the network's inputs made of it stands for."""
        if self.form == "one-hot":
            return tuple(f"{self.name} = {category}" for category in self.categories)
        if self.form == "plus-minus":
            return (f"{self.name} = {self.categories[1]}",)
        return (self.name,)

    @property
    def width(self) -> int:
        """How many of the network's inputs are made of it."""
        return len(self.categories) if self.form == "one-hot" else 1

    @property
    def is_looked_up(self) -> bool:
        """Whether its one-hot columns are a single number in encoded rows."""
        return self.form == "one-hot" and len(self.categories) > _MOST_DENSE

    def passed_values(self) -> NDArray[np.float64]:
        """The columns of each code, (1 + num_categories, width), before they are scaled."""
        if self.form == "plus-minus":
            return np.array([[0.0], [-1.0], [1.0]])
        return np.vstack([np.zeros(len(self.categories)), np.eye(len(self.categories))])

    def codes(self, series: "pl.Series") -> NDArray[np.int64]:
        """The code of each row, from 1; 0 where the value is missing or was never seen."""
        import polars as pl

        places = {category: place for place, category in enumerate(self.categories, start=1)}
        few = len(series) <= _FEW_ROWS
        values = series.to_list() if few else series.value_counts().to_series(0).to_list()
        # What a value means is found once for each distinct one.
        code_of = {
            value: places.get(_text_of(value, self.meaning) or "", 0) for value in set(values)
        }
        if few:
            return np.fromiter((code_of[value] for value in values), np.int64, len(values))
        seen = {value: code for value, code in code_of.items() if code}
        if not seen:
            return np.zeros(len(series), dtype=np.int64)
        old = pl.Series(list(seen), dtype=series.dtype)
        codes = series.replace_strict(old, list(seen.values()), default=0, return_dtype=pl.Int64)
        return codes.fill_null(0).to_numpy()

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return {**asdict(self), "categories": list(self.categories)}

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
        )
        if not is_right:
            raise ValueError(f"{column.name!r} is not a column of categories")
        return column


def _text_of(value: Any, meaning: CategoryMeaning) -> str | None:
    """A value as the text of its category; 3, 3.0 and, among numbers, "3.0" are all "3"."""
    if value is None:
        return None
    text = present_text(str(value))
    if text is None or (meaning == "text" and isinstance(value, str)):
        return text
    if meaning == "boolean":
        is_true = boolean_of(text)
        return None if is_true is None else str(is_true).lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else text
