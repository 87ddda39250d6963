"""One-hot columns that are stored as a code and expanded batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OneHotBlock:
    """Adjacent inputs that are the one-hot columns of one categorical column.

    Encoded rows hold the code of the category in place of the block: from 1, or 0 if no column is
    set. It is expanded only for the rows at hand, so that memory does not grow with rows times
    categories.

    Attributes:
        place: Index of the block's first input among the network's inputs.
        absent: Value of each input for rows of another category.
        present: Value of each input for rows of its category, of equal length.
    """

    place: int
    absent: tuple[float, ...]
    present: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of inputs."""
        return len(self.absent)


def row_width(num_inputs: int, blocks: Sequence[OneHotBlock]) -> int:
    """Width of an encoded row, given the number of network inputs."""
    return num_inputs - sum(block.size - 1 for block in blocks)


def code_places(blocks: Sequence[OneHotBlock]) -> list[int]:
    """Position of each block's code in an encoded row."""
    places, saved = [], 0
    for block in blocks:
        places.append(block.place - saved)
        saved += block.size - 1
    return places


def plain_parts(num_inputs: int, blocks: Sequence[OneHotBlock]) -> Iterator[tuple[slice, slice]]:
    """The parts between the blocks: slices of an encoded row and of the network inputs."""
    place = row_place = 0
    for block in (*blocks, OneHotBlock(num_inputs, (), ())):
        width = block.place - place
        if width:
            yield slice(row_place, row_place + width), slice(place, block.place)
        place, row_place = block.place + block.size, row_place + width + 1
