"""Numbers such as -999 that often mean that a value is missing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_SENTINELS = frozenset((-99, -999, -9999, -99999, 999, 9999, 99999, 999999))
_FEWEST_ROWS, _GAP = 2, 2  # the gap in ranges of the other values


def suspected_sentinel(series: "pl.Series", smallest: Any, largest: Any, what: str) -> str | None:
    """A sentence about a number that stands in several rows, far from all others.

    Args:
        series: Numbers.
        smallest: Of them.
        largest: Of them.
        what: The column, for the sentence.
    """
    for value in (smallest, largest):
        if value not in _SENTINELS:
            continue
        others = series.filter(series != value)
        low, high = others.min(), others.max()
        number = len(series) - series.null_count() - len(others)
        if number < _FEWEST_ROWS or low is None or high is None:
            continue
        gap = low - value if value == smallest else value - high
        if gap > _GAP * (high - low) and low != high:  # type: ignore[operator]
            return (
                f"{what} holds {value:g} in {number:,} rows, far from all its other values: if it "
                f"means missing, say --missing {value:g} (missing in Python)"
            )
    return None
