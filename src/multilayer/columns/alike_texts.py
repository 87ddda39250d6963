"""Texts that are the same though written in two ways, and texts that are nearly the same."""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from multilayer.columns.missing import present_text
from multilayer.columns.target_checks import shown_target

if TYPE_CHECKING:
    import polars as pl

    from multilayer.columns.schema import Column

_Text = TypeVar("_Text")

_MOST_SHOWN = 5
ALIKE = "differ only in case, spaces, final punctuation or how a number is written"


def composed(text: str) -> str:
    """A text in Unicode's composed form, NFC.

    A letter with an accent is one character there; as a letter and an accent behind it, which is
    how some systems write, it looks the same and is another text to a computer.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def tidied(value: Any) -> Any:
    """A value without surrounding whitespace and in composed form, if it is a text."""
    return composed(value.strip()) if isinstance(value, str) else value


def number_of(text: str) -> int | float | None:
    """The number a text spells, an int if it is whole; None if it is not a finite number."""
    if not text or text[-1] not in "0123456789.":
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def alike(texts: Iterable[_Text]) -> list[list[_Text]]:
    """Groups of texts or labels that are nearly the same: see `ALIKE`."""
    groups: dict[Any, list[_Text]] = {}
    for text in texts:
        wide = unicodedata.normalize("NFKC", str(text))  # full-width letters as plain ones
        common = " ".join(wide.casefold().split()).rstrip(".,;:!")
        number = number_of(common)
        groups.setdefault(common if number is None else number, []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def notes_on_categories(frame: "pl.DataFrame", columns: Iterable["Column"]) -> list[str]:
    """A note for each categorical column of text in which values are nearly the same."""
    import polars as pl

    notes = []
    for column in columns:
        series = frame[column.name]
        if column.kind != "categorical" or series.dtype not in (pl.String, pl.Categorical):
            continue
        counts: dict[str, int] = {}
        forms: dict[str, set[str]] = {}
        for value, count in series.cast(pl.String).value_counts().iter_rows():
            text = None if value is None else present_text(value)
            if text is not None:
                counts[composed(text)] = counts.get(composed(text), 0) + count
                forms.setdefault(composed(text), set()).add(text)
        doubled = [text for text, written in forms.items() if len(written) > 1]
        if doubled:
            notes.append(
                f"column {column.name!r} holds {shown_target(min(doubled))} with its accents "
                f"written in two ways{_and_more(doubled)}; they are one category"
            )
        groups = alike(sorted(counts)) if column.meaning == "text" else []
        if groups:
            most = max(groups, key=lambda group: (sum(counts[text] for text in group), group))
            notes.append(
                f"values {listed(most, counts)} of column {column.name!r} {ALIKE}"
                f"{_and_more(groups)}; they remain separate categories"
            )
    return notes


def listed(labels: Sequence[Any], counts: Mapping[Any, int]) -> str:
    """Texts or labels with their numbers of rows, the first five and how many more."""
    parts = [f"{shown_target(label)} ({rows_in_words(counts[label])})" for label in labels]
    more = f" and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return ", ".join(parts[:_MOST_SHOWN]) + more


def rows_in_words(num_rows: int) -> str:
    """A number of rows with its noun: "1 row", "2,000 rows"."""
    return f"{num_rows:,} row{'' if num_rows == 1 else 's'}"


def _and_more(found: list[Any]) -> str:
    return f", and {len(found) - 1:,} more" if len(found) > 1 else ""
