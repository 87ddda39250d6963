"""Training a model in several processes: each learns from its part of every batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch import distributed as dist

from multilayer.errors import DistributedError


class TrainerRanks:
    """The processes of torch.distributed's group, if this is one; otherwise nothing is done.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are; 1 for a process on its own.
    """

    def __init__(self) -> None:
        is_in_group = dist.is_available() and dist.is_initialized()
        self.rank, self.size = (dist.get_rank(), dist.get_world_size()) if is_in_group else (0, 1)
        self._share = 1.0

    def make_alike(self, model: nn.Module) -> None:
        """Give all processes the parameters and the random numbers of the first one.

        Layers that are lazy still have no parameters; they will draw the same ones.
        """
        for parameter in model.parameters():
            if not isinstance(parameter, nn.parameter.UninitializedParameter):
                self._copy_from_first(parameter.data)
        state = torch.get_rng_state()
        self._copy_from_first(state)
        if self.size > 1:
            torch.set_rng_state(state)

    def own_rows(self, batch: Sequence[Tensor]) -> Sequence[Tensor]:
        """The part of a batch that this process learns from."""
        if self.size == 1:
            return batch
        own = [tensor[self.rank :: self.size] for tensor in batch]
        self._share = len(own[0]) / len(batch[0])
        if self._share == 0:  # fewer rows than processes: any row, which counts for nothing
            own = [tensor[:1] for tensor in batch]
        return own

    def average_gradients(self, model: nn.Module) -> None:
        """Make each gradient that of the whole batch, in one exchange.

        Raises:
            DistributedError: another process has ended or cannot be reached.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients]).mul_(self._share)
        with self._reaching_others():
            dist.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def _copy_from_first(self, values: Tensor) -> None:
        if self.size > 1:
            with self._reaching_others():
                dist.broadcast(values, src=0)

    @contextmanager
    def _reaching_others(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DistributedError(
                f"rank {self.rank} of {self.size} has lost the others: a process has ended or "
                f"cannot be reached ({error})"
            ) from error
