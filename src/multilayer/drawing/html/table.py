"""Tables of a page, and tables whose numbers have bars beside them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        caption: what it holds.
        headers: one for each column.
        rows: cells as they are shown; the first of each row is its header.
    """

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bar:
    """A row of a table with bars.

    Args:
        name: what is measured.
        label: its value as it is shown.
        share: length of the bar, from 0 to 1.
    """

    name: str
    label: str
    share: float


@dataclass(frozen=True)
class BarTable:
    """A table of names and values, each value with a bar as long as it is large.

    Args:
        caption: what it holds.
        headers: of the names and of the values.
        bars: the rows.
    """

    caption: str
    headers: tuple[str, str]
    bars: Sequence[Bar]
