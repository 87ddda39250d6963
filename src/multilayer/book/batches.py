"""Batches straight from memory, in the order that PyTorch's own loader gives."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from multilayer.errors import DataError, SettingsError


class TensorLoader:
    """Yields batches of rows of some tensors, as tuples of new tensors.

    It stands in for `torch.utils.data.DataLoader` over a `TensorDataset`. It makes the same
    draws from PyTorch's global generator, so the same `torch.manual_seed` gives the same batches,
    but a whole batch is gathered at once instead of row by row.

    Attributes:
        num_examples_in_batch: the number of rows of the batch yielded last; 0 before the first.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x, y = torch.arange(5), torch.arange(5)
        >>> loader = d2l.TensorLoader((x, y), batch_size=2, shuffle=False)
        >>> [batch[0].tolist() for batch in loader]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        batch_size: int,
        shuffle: bool,
        transform: Callable[..., tuple[Tensor, ...]] | None = None,
    ) -> None:
        """Hold the tensors; nothing is copied until a batch is asked for.

        Args:
            tensors: one or more, all of the same length in dimension 0.
            batch_size: rows in a batch; the last batch has what is left.
            shuffle: whether each pass has a new random order.
            transform: called with a batch's tensors; what it returns is yielded in their place.

        Raises:
            SettingsError: `batch_size` is not a positive whole number.
            DataError: the tensors differ in length.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise SettingsError(f"batch_size is {batch_size!r}; it must be a whole number from 1")
        lengths = [len(tensor) for tensor in tensors]
        if len(set(lengths)) != 1:
            raise DataError(f"the tensors of a loader must be equally long, not {lengths}")
        self.tensors = tuple(tensors)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.transform = transform
        self.num_rows = lengths[0]
        self.num_examples_in_batch = 0

    def __len__(self) -> int:
        return math.ceil(self.num_rows / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        _draw_seed()  # DataLoader draws a seed for its workers here, even when it has none
        return self._batches()

    def _batches(self) -> Iterator[tuple[Tensor, ...]]:
        if self.shuffle:
            generator = torch.Generator().manual_seed(_draw_seed())
            order = torch.randperm(self.num_rows, generator=generator)
        for start in range(0, self.num_rows, self.batch_size):
            rows = slice(start, start + self.batch_size)
            if self.shuffle:
                batch = tuple(tensor.index_select(0, order[rows]) for tensor in self.tensors)
            else:
                batch = tuple(tensor[rows].clone() for tensor in self.tensors)
            self.num_examples_in_batch = len(batch[0])
            yield self.transform(*batch) if self.transform else batch


def _draw_seed() -> int:
    return int(torch.empty((), dtype=torch.int64).random_())
