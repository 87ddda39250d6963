"""Rows that lie on the disk and are learned from a chunk at a time."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from multilayer.encoding.encoded_map import EncodedRows
from multilayer.engine.batches import Examples, Part

_BLOCK_BYTES = 2**20  # read at once; long enough for a disk, short enough to mix many of them
_BLOCKS_IN_A_CHUNK = 16  # at least, where blocks of one batch are small enough
_MOST_LANES = 840  # divides evenly among 1 to 8 ranks, and nearly so among others


@dataclass(frozen=True, eq=False)
class ChunkedExamples:
    """Rows to learn from that need not fit in memory; what `Examples` is for rows that do.

    An epoch reads every row once. The files are divided into blocks of whole batches, about a
    megabyte each; a chunk is made of blocks drawn from all over the table, and its rows are
    shuffled. Where a chunk can hold everything, batches are those of `Examples`, bit for bit. The
    rows at the end that fill no block are always in the last chunk.

    The blocks of a chunk are dealt out to lanes, and every batch has the same share of the rows of
    each lane. Ranks that train together have lanes of their own and read no others. The order of
    rows follows from the generator, the batch size and `chunk_bytes`, not from how many ranks
    there are.

    Args:
        rows: on the disk.
        chunk_bytes: memory for a chunk; one of a single batch may be larger.
        device: where batches are made.
    """

    rows: EncodedRows
    chunk_bytes: int
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (frozen)

    def __len__(self) -> int:
        return self.rows.num_rows

    @property
    def num_bytes(self) -> int:
        """Of the rows on the disk."""
        return len(self) * self.rows.row_bytes

    @property
    def image_shape(self) -> None:
        """None: no rows on the disk are pictures."""
        return None

    @property
    def fingerprint(self) -> str:
        """What the rows are, and how much of them is shuffled together."""
        return f"{self.chunk_bytes} bytes at a time of {self.rows.fingerprint}"

    def on(self, device: torch.device) -> "ChunkedExamples":
        """The same rows, which reach a device as they are read."""
        if device == self.device:
            return self
        return ChunkedExamples(self.rows, self.chunk_bytes, device)

    def empty(self, num_rows: int) -> list[Tensor | None]:
        """Memory for inputs, targets and weights of some rows."""
        return [
            None if file is None else torch.from_numpy(file.empty(num_rows)).to(self.device)
            for file in self.rows.files
        ]

    def chunks(self, source: Generator, batch_size: int) -> list["Chunk"]:
        """An epoch's chunks; all but the last are whole batches.

        Args:
            source: of the draw of blocks; nothing is drawn where there is one chunk.
            batch_size: rows in a batch.
        """
        batch_bytes = batch_size * self.rows.row_bytes
        wanted = min(_BLOCK_BYTES, self.chunk_bytes // _BLOCKS_IN_A_CHUNK)
        block = batch_size * max(1, wanted // batch_bytes)
        most = max(1, self.chunk_bytes // (block * self.rows.row_bytes))  # blocks
        num_rows = len(self)
        num_blocks = -(-num_rows // block)
        if num_rows * self.rows.row_bytes <= self.chunk_bytes or num_blocks == 1:
            return [Chunk(self, (range(num_rows),))]
        num_whole = num_rows // block
        order = np.concatenate(
            [torch.randperm(num_whole, generator=source).numpy(), range(num_whole, num_blocks)]
        ).astype(np.int64)
        return [
            Chunk(
                self,
                tuple(
                    range(start, min(start + block, num_rows))
                    for start in (np.sort(numbers) * block).tolist()
                ),
                min(len(numbers), batch_size, _MOST_LANES),
            )
            for numbers in np.array_split(order, -(-num_blocks // most))
        ]

    @cached_property
    def _memory(self) -> list[NDArray[Any] | None]:
        """One after the other, all chunks lie here."""
        return [None, None, None]

    def _read(self, ranges: tuple[range, ...]) -> Examples:
        tensors = [self._read_file(place, ranges) for place in range(len(self.rows.files))]
        inputs, targets, weights = tensors
        assert inputs is not None
        assert targets is not None
        return Examples(inputs, targets, weights).on(self.device)

    def _read_file(self, place: int, ranges: tuple[range, ...]) -> Tensor | None:
        """Rows of one of the files, in memory that the next chunk overwrites."""
        file, num_rows = self.rows.files[place], sum(map(len, ranges))
        if file is None:
            return None
        memory = self._memory[place]
        if memory is None or len(memory) < num_rows:
            self._memory[place] = None  # given back before more is taken
            memory = self._memory[place] = file.empty(num_rows)
        file.read(ranges, memory[:num_rows])
        return torch.from_numpy(memory[:num_rows])


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some of the rows, in blocks that lie one after the other in memory once they are read.

    Args:
        examples: all rows.
        ranges: the blocks.
        num_lanes: that the blocks are dealt out to; 1: any row may be in any batch.
    """

    examples: ChunkedExamples
    ranges: tuple[range, ...]
    num_lanes: int = 1

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def loaded(self) -> Examples:
        """The rows, in memory that the next chunk overwrites.

        Raises:
            TableError: the files cannot be read.
        """
        return self.examples._read(self.ranges)

    def drawn(self, source: Generator) -> Tensor:
        """A new order of the rows, in which every batch has its share of each lane, (num_rows,)."""
        if self.num_lanes == 1:
            return torch.randperm(len(self), generator=source)
        lanes = [
            rows[torch.randperm(len(rows), generator=source)]
            for rows in map(self._rows_of, range(self.num_lanes))
        ]
        places, _ = _interleaved(tuple(map(len, lanes)))
        return torch.cat(lanes)[places]

    def part(self, rank: int, num_ranks: int) -> Part:
        """What one of several ranks needs of the chunk: the rows of every n-th lane.

        With fewer lanes than ranks each rank needs all rows.

        Raises:
            TableError: the files cannot be read.
        """
        if num_ranks == 1 or self.num_lanes < num_ranks:
            examples = self.loaded()
            return Part(examples, examples.weights)
        blocks = range(len(self.ranges))
        is_ours = [block % self.num_lanes % num_ranks == rank for block in blocks]
        sizes = [len(numbers) for numbers in self.ranges]
        is_own_row = torch.from_numpy(np.repeat(is_ours, sizes))
        all_weights = self.examples._read_file(2, self.ranges)
        weights = None if all_weights is None else all_weights.clone().to(self.examples.device)
        ours = tuple(
            numbers for numbers, is_own in zip(self.ranges, is_ours, strict=True) if is_own
        )
        nums_of_lanes = tuple(len(self._rows_of(lane)) for lane in range(self.num_lanes))
        _, lanes = _interleaved(nums_of_lanes)
        return Part(
            self.examples._read(ours),
            weights,
            is_own=lanes % num_ranks == rank,
            numbers=is_own_row.cumsum(0) - 1,
        )

    def _rows_of(self, lane: int) -> Tensor:
        """The numbers in this chunk of a lane's rows, ascending."""
        ends = np.cumsum([len(numbers) for numbers in self.ranges])
        blocks = range(lane, len(self.ranges), self.num_lanes)
        rows = [np.arange(ends[block] - len(self.ranges[block]), ends[block]) for block in blocks]
        return torch.from_numpy(np.concatenate(rows))


@lru_cache(maxsize=2)  # almost all chunks are alike
def _interleaved(sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Lanes of rows made one line, in which each is spread evenly.

    Args:
        sizes: rows of each lane.

    Returns:
        The places of the line's rows among the lanes one after the other, and the lane of each.
    """
    parts = [(np.arange(size) + 0.5) / size for size in sizes]
    places = np.argsort(np.concatenate(parts), kind="stable")
    lanes = np.repeat(np.arange(len(sizes)), sizes)[places]
    return torch.from_numpy(places), torch.from_numpy(lanes)
