"""Rows of data that lies in memory as a whole, gathered batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from multilayer.errors import DataError


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from, or to measure on.

    Args:
        inputs: (num_rows, num_inputs), floating or bytes; bytes stay bytes in memory and are
            widened a batch at a time.
        targets: class numbers (num_rows,) in int64, or numbers (num_rows, num_outputs).

    Raises:
        DataError: there are no rows, or not as many targets as inputs.
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            raise DataError(f"{len(self.inputs)} rows of inputs have {len(self.targets)} targets")
        if len(self.inputs) == 0:
            raise DataError("there are no rows to learn from")

    def __len__(self) -> int:
        return len(self.inputs)

    def shuffled_batches(
        self, batch_size: int, source: Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Every row once, in random order.

        Args:
            batch_size: rows in a batch; the last one holds what is left.
            source: where the order comes from.

        Yields:
            Inputs (1, batch, num_inputs), in a buffer that the next batch overwrites, and targets
            (batch, …).
        """
        order = torch.randperm(len(self), generator=source)
        gathered = self.inputs.new_empty(min(batch_size, len(self)), self.inputs.shape[1])
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            inputs = gathered[: len(rows)]
            torch.index_select(self.inputs, 0, rows, out=inputs)
            yield inputs.unsqueeze(0), self.targets.index_select(0, rows)
