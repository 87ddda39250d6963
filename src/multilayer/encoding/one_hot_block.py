"""One-hot columns that are kept as the place of their one, and made dense a batch at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OneHotBlock:
    """Inputs side by side that are one-hot columns of one categorical column.

    In encoded rows such a block is a single number: the code of the category, from 1, or 0 where
    none of the columns is set. Whoever computes with the rows makes it dense for as many rows as
    it looks at, so that memory depends on the rows and not on rows times categories.

    Attributes:
        place: Of the block's first input, among a network's inputs.
        absent: What each input is where its category is not the row's.
        present: What it is where it is, of equal length.
    """

    place: int
    absent: tuple[float, ...]
    present: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many inputs it stands for."""
        return len(self.absent)


def row_width(num_inputs: int, blocks: Sequence[OneHotBlock]) -> int:
    """How many numbers an encoded row has, where `num_inputs` are what a network sees of it."""
    return num_inputs - sum(block.size - 1 for block in blocks)


def code_places(blocks: Sequence[OneHotBlock]) -> list[int]:
    """Where the code of each block stands in an encoded row."""
    places, saved = [], 0
    for block in blocks:
        places.append(block.place - saved)
        saved += block.size - 1
    return places


def plain_parts(num_inputs: int, blocks: Sequence[OneHotBlock]) -> Iterator[tuple[slice, slice]]:
    """What lies between the blocks: where in an encoded row, and where among the inputs."""
    place = row_place = 0
    for block in (*blocks, OneHotBlock(num_inputs, (), ())):
        width = block.place - place
        if width:
            yield slice(row_place, row_place + width), slice(place, block.place)
        place, row_place = block.place + block.size, row_place + width + 1
