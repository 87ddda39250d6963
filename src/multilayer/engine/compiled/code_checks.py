"""Which columns of rows hold codes, and from where to where each may go."""

from collections.abc import Iterator, Sequence

from multilayer.encoding.one_hot_block import code_places
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError

CodeColumns = tuple[str, slice | list[int], list[int]]


def code_columns(spec: NetworkSpec) -> Iterator[CodeColumns]:
    """What the codes are of, their columns, and how many codes each column has."""
    if spec.category_sizes:
        columns = slice(spec.row_width - len(spec.category_sizes), spec.row_width)
        numbers = [size * spec.statistic_versions for size in spec.category_sizes]
        yield "codes of categories", columns, numbers
    if spec.one_hot_blocks:
        numbers = [block.size + 1 for block in spec.one_hot_blocks]
        yield "codes of one-hot columns", list(code_places(spec.one_hot_blocks)), numbers


def check_ends(
    what: str, least: Sequence[float], most: Sequence[float], numbers: Sequence[int]
) -> None:
    """Refuse columns whose least and most values are not from 0 to below each its number.

    Raises:
        DataError: one is not; NaN is not either.
    """
    for low, high, number in zip(least, most, numbers, strict=True):
        if not (low >= 0 and high < number):
            raise DataError(
                f"{what} must be from 0 to {number - 1}; they are from {low:g} to {high:g}"
            )
