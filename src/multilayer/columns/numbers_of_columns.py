"""Detect number formats over all columns of a table: ambiguous ones follow the others."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from multilayer.columns.find_numbers import NumbersFound, find_numbers
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.value_format import ValueFormat

if TYPE_CHECKING:
    import polars as pl

_GROUPED = r"^(?:0|[1-9]\d{0,2}(?:\.\d{3})?)$"


def numbers_of_columns(
    columns: "Iterable[pl.Series]", told: ValueFormat
) -> dict[str, NumbersFound]:
    """`find_numbers` of each text column; ambiguous signs are read as in the other columns."""
    texts = {series.name: series for series in columns}
    found = {
        name: numbers
        for name, series in texts.items()
        if (numbers := find_numbers(series, told)) is not None
    }
    sure = [f for f in found.values() if f.are_numbers and not f.is_ambiguous]
    has_commas = any(f.number_format.decimal == "," for f in sure)
    grouped = [n for n, f in found.items() if has_commas and _may_be_grouped(texts[n], f, told)]
    has_points = any(f.has_points for name, f in found.items() if f in sure and name not in grouped)
    if has_commas and not has_points:
        for name in grouped:
            numbers = find_numbers(texts[name], replace(told, decimal=","))
            if numbers is not None and numbers.are_numbers and not numbers.strays:
                doubt = (
                    f"the point of {numbers.example!r} is read as a thousands separator because "
                    "other columns have decimal commas; if it is not, add --decimal ."
                )
                found[name] = replace(numbers, doubt=doubt)
        for name, numbers in found.items():
            if numbers.is_ambiguous:
                found[name] = find_numbers(texts[name], told, ",") or numbers
    return found


def _may_be_grouped(series: "pl.Series", found: NumbersFound, told: ValueFormat) -> bool:
    """Whether every number looks like 12.345 or 950, some with a point."""
    if told != ValueFormat(missing=told.missing, keep_na=told.keep_na):
        return False
    if found.number_format != NumberFormat() or not found.has_points:
        return False
    present = series.drop_nulls().str.strip_chars()
    return bool(present.str.contains(_GROUPED).all()) and bool(present.str.contains(r"\.").any())


def numbers_beside_others(
    series: "pl.Series", others: "pl.DataFrame", told: ValueFormat
) -> NumbersFound | None:
    """The numbers of an ambiguous text column, read as in the other columns of its file.

    Args:
        series: The column.
        others: Columns of the same file, with or without it.
        told: Decimal sign and separator set by the user.

    Returns:
        None if the column is not ambiguous.
    """
    import polars as pl

    found = find_numbers(series, told)
    if found is None or not (found.is_ambiguous or _may_be_grouped(series, found, told)):
        return None
    texts = others.select(pl.col(pl.String)).drop(series.name, strict=False)
    return numbers_of_columns([*texts.iter_columns(), series], told)[series.name]
