"""Rows that lie on the disk and are learned from a chunk at a time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from multilayer.encoding.encoded_map import EncodedRows
from multilayer.engine.batches import Examples

_BLOCK_BYTES = 2**20  # read at once; long enough for a disk, short enough to mix many of them
_BLOCKS_IN_A_CHUNK = 16  # at least, where blocks of one batch are small enough


@dataclass(frozen=True, eq=False)
class ChunkedExamples:
    """Rows to learn from that need not fit in memory; what `Examples` is for rows that do.

    An epoch reads every row once. The files are divided into blocks of whole batches, about a
    megabyte each; a chunk is made of blocks drawn from all over the table, and its rows are
    shuffled. Where a chunk can hold everything, batches are those of `Examples`, bit for bit. The
    rows at the end that fill no block are always in the last chunk.

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
            )
            for numbers in np.array_split(order, -(-num_blocks // most))
        ]

    @cached_property
    def _memory(self) -> list[NDArray[Any] | None]:
        """One after the other, all chunks lie here."""
        return [None, None, None]

    def _read(self, ranges: tuple[range, ...]) -> Examples:
        num_rows = sum(map(len, ranges))
        tensors: list[Tensor | None] = []
        for place, file in enumerate(self.rows.files):
            if file is None:
                tensors.append(None)
                continue
            memory = self._memory[place]
            if memory is None or len(memory) < num_rows:
                self._memory[place] = None  # given back before more is taken
                memory = self._memory[place] = file.empty(num_rows)
            file.read(ranges, memory[:num_rows])
            tensors.append(torch.from_numpy(memory[:num_rows]))
        inputs, targets, weights = tensors
        assert inputs is not None
        assert targets is not None
        return Examples(inputs, targets, weights).on(self.device)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some of the rows, in blocks that lie one after the other in memory once they are read."""

    examples: ChunkedExamples
    ranges: tuple[range, ...]

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def loaded(self) -> Examples:
        """The rows, in memory that the next chunk overwrites.

        Raises:
            TableError: the files cannot be read.
        """
        return self.examples._read(self.ranges)
