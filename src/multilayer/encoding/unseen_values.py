"""Count categories that were not in the training rows, while rows are encoded."""

import warnings
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers
from multilayer.columns.missing import present_text
from multilayer.errors import DataWarning, SettingsError, TableError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

OnUnseen = Literal["warn", "error", "ignore"]

_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 40
_MOST_COLUMNS_NAMED = 5


def check_on_unseen(value: Any) -> None:
    """Raise SettingsError unless the value is one of `OnUnseen`."""
    names = get_args(OnUnseen)
    if not isinstance(value, str) or value not in names:
        known = ", ".join(map(repr, names))
        raise SettingsError(
            f"on_unseen must be one of {known}; it is {value!r}{did_you_mean(value, names)}"
        )


class UnseenValues:
    """Counts rows with a category that was not in the training rows, for each column.

    `Encoder.encode` adds to it, one piece of a table after the other.

    Attributes:
        num_rows: rows counted so far.
        found: for each column with unseen values the number of such rows, and up to three values.
        bare: numbers without the unit that the training rows have.
    """

    def __init__(self) -> None:
        self.num_rows = 0
        self.found: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.bare = BareNumbers()

    def __bool__(self) -> bool:
        return bool(self.found)

    def note(self, series: "pl.Series", codes: NDArray[np.int64]) -> None:
        """Count the rows of a column.

        Args:
            series: the column.
            codes: of each row, (num_rows,), 0 if its value is missing or unseen.
        """
        if len(codes) - np.count_nonzero(codes) == series.null_count():
            return
        counts = series.filter(codes == 0).drop_nulls().value_counts()
        num_rows, examples = self.found.get(series.name, (0, ()))
        for value, count in sorted(counts.iter_rows(), key=lambda pair: (-pair[1], str(pair[0]))):
            text = present_text(str(value))
            if text is None:
                continue
            num_rows += count
            if len(examples) < _MOST_EXAMPLES and text not in examples:
                examples = (*examples, text)
        if num_rows:
            self.found[series.name] = num_rows, examples

    def add(self, other: "UnseenValues") -> None:
        """Add the counts of further rows."""
        self.num_rows += other.num_rows
        for name, (count, examples) in other.found.items():
            num_rows, before = self.found.get(name, (0, ()))
            examples = tuple(dict.fromkeys((*before, *examples)))[:_MOST_EXAMPLES]
            self.found[name] = num_rows + count, examples
        self.bare.add(other.bare)

    def sentences(self) -> list[str]:
        """A sentence for each column, the columns with the most rows first."""
        order = sorted(self.found.items(), key=lambda item: -item[1][0])
        named, others = order[:_MOST_COLUMNS_NAMED], order[_MOST_COLUMNS_NAMED:]
        sentences = [
            f"column {name!r} holds values that were not in the training rows in {count:,} of "
            f"{self.num_rows:,} rows, for example {', '.join(map(_shown, examples))}; they are "
            "treated as missing"
            for name, (count, examples) in named
        ]
        if others:
            sentences.append(f"{len(others)} more columns hold values not in the training rows")
        return sentences

    def report(self, on_unseen: OnUnseen) -> None:
        """Warn of unseen values or raise an error; unless that is an error, warn of bare numbers.

        Raises:
            TableError: there are unseen values and `on_unseen` is "error".
        """
        if on_unseen != "error":
            self.bare.warn()
        if not self or on_unseen == "ignore":
            return
        text = "; ".join(self.sentences())
        if on_unseen == "error":
            raise TableError(text)
        warnings.warn(text, DataWarning, stacklevel=3)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…")
