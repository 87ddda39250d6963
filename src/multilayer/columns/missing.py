"""Spellings of missing values."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

# In lower case, stripped.
MISSING_SPELLINGS = (
    "",
    *[
        "na",
        "n/a",
        "#n/a",
        "<na>",
        "n.a.",
        "nan",
        "nat",
        "null",
        "none",
        "nil",
        "missing",
        "?",
        "-",
        "--",
        ".",
    ],
)

# Labels have fewer: "none" and "-" are often names of classes.
MISSING_LABEL_SPELLINGS = ("", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "?")

_ROWS_A_VALUE = 8  # with so many rows for each distinct value, distinct values are checked first
_ROWS_WORTH_COUNTING = 10_000
_NUM_FIRST = 20
_LONGEST = max(map(len, MISSING_SPELLINGS))
_SPELLINGS = frozenset(MISSING_SPELLINGS)

# Numbers that often mean missing.
_SENTINELS = frozenset((-99, -999, -9999, -99999, 999, 9999, 99999, 999999))
_FEWEST_ROWS, _GAP = 2, 2  # the gap is a multiple of the range of the other values


def present_text(text: str) -> str | None:
    """Stripped text, None if it spells a missing value."""
    text = text.strip()
    return None if len(text) <= _LONGEST and text.lower() in _SPELLINGS else text


def without_missing(text: "pl.Expr", spellings: tuple[str, ...] = MISSING_SPELLINGS) -> "pl.Expr":
    """`present_text` for a column; `spellings` are in lower case, at least one."""
    import polars as pl

    stripped = text.str.strip_chars()
    # For speed only short texts are lowered.
    longest = max(len(spelling.encode()) for spelling in spellings)
    short = pl.when(stripped.str.len_bytes() <= longest).then(stripped).str.to_lowercase()
    is_missing = short.is_in(spellings).fill_null(value=False)
    return pl.when(~is_missing).then(stripped)


def present_values(
    series: "pl.Series", spellings: tuple[str, ...] = MISSING_SPELLINGS
) -> "pl.Series":
    """`without_missing` of a column, at less cost if few distinct values repeat often."""
    import polars as pl

    def present(texts: "pl.Series") -> "pl.Series":
        return texts.to_frame("text").select(without_missing(pl.col("text"), spellings)).to_series()

    if len(series) >= _ROWS_WORTH_COUNTING:
        num_distinct: int = series.to_frame().select(pl.all().approx_n_unique()).item()
        if num_distinct <= len(series) // _ROWS_A_VALUE:
            distinct = series.unique()
            if present(distinct).equals(distinct, null_equal=True):
                return series
    return present(series).alias(series.name)


def first_present(text: "pl.Series") -> list[str]:
    """Up to 20 of the first non-missing values of a column, stripped."""
    few = [value for value in text.head(3 * _NUM_FIRST).to_list() if value is not None]
    for number in (_NUM_FIRST, 1000):
        values = few if len(few) >= number else text.drop_nulls().head(number).to_list()
        found = [t for value in values[:number] if (t := present_text(value)) is not None]
        if found:
            return found[:_NUM_FIRST]
    return []


def suspected_sentinel(series: "pl.Series", smallest: Any, largest: Any, what: str) -> str | None:
    """A warning if a number such as -999 occurs several times, far from all other values."""
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
                f"means missing, add --missing {value:g} (missing in Python)"
            )
    return None
