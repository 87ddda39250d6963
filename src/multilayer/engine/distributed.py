"""Training in several processes, on one machine or many.

Every rank holds all rows and walks through the same shuffled batches. Of each batch it takes its
share of the rows; one sum over the ranks, an all-reduce of the flat gradient, then makes the
gradient of the whole batch. All ranks take the same step, so that their networks stay the same.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import torch
from torch import Tensor
from torch import distributed as dist

from multilayer.engine.scores import Scores
from multilayer.errors import DistributedError, SettingsError

_SECONDS_TO_ANSWER = 45  # after which a rank that says nothing counts as lost


class Stop(Protocol):
    """Whether training is to end after this batch; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether somebody wishes it."""


class Ranks:
    """The processes that train one population together: torch.distributed's default group.

    Attributes:
        rank: the number of this process, from 0; rank 0 is the one that writes and prints.
        size: how many there are.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._device = "cuda" if dist.get_backend() == "nccl" else "cpu"

    @classmethod
    def current(cls) -> "Ranks | None":
        """The group that this process is in; None where it trains on its own."""
        is_member = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        return cls() if is_member else None

    def sum(self, values: Tensor) -> None:
        """Replace values by their sum over the ranks.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        with self._reaching_others():
            dist.all_reduce(values)

    def copy_from_first(self, values: Tensor) -> None:
        """Replace values by those of rank 0.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        with self._reaching_others():
            dist.broadcast(values, src=0)

    def scores_of_first(self, scores: Scores) -> Scores:
        """What rank 0 measured, so that all ranks decide alike."""
        parts = (scores.loss, scores.accuracy or (), scores.calibrated_loss or ())
        values = torch.tensor(sum(parts, ()), dtype=torch.float64, device=self._device)
        self.copy_from_first(values)
        loss, accuracy, calibrated = values.split([len(part) for part in parts])
        return replace(
            scores,
            loss=tuple(loss.tolist()),
            accuracy=tuple(accuracy.tolist()) or None,
            calibrated_loss=tuple(calibrated.tolist()) or None,
        )

    def check_same(self, description: str, batch_size: int) -> None:
        """Make sure before any work that the ranks do the same, in shares of one size.

        Raises:
            SettingsError: a batch does not fall into equal shares, or the ranks differ.
        """
        number = zlib.crc32(description.encode())
        ends = torch.tensor([number, -number], device=self._device)
        with self._reaching_others():
            dist.all_reduce(ends, op=dist.ReduceOp.MAX)
        if int(ends[0]) != -int(ends[1]):
            raise SettingsError(
                f"the {self.size} processes were not given the same rows and settings; "
                f"rank {self.rank} has {description}"
            )
        if batch_size % self.size:
            smaller = batch_size - batch_size % self.size
            sizes = [size for size in (smaller, smaller + self.size) if size]
            raise SettingsError(
                f"a batch of {batch_size} rows cannot be divided evenly among {self.size} "
                f"processes; take a batch_size of {' or '.join(map(str, sizes))}"
            )

    @contextmanager
    def _reaching_others(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DistributedError(
                f"rank {self.rank} of {self.size} has lost the others: a process has ended or "
                f"cannot be reached ({_first_line(error)})"
            ) from error


class GradientSum:
    """Gradient, losses and the wish to stop of all ranks, summed in one exchange a step.

    Args:
        parameters: (num_members, num_parameters).
        ranks: who takes part.
        stop: this rank's wish to stop; when one rank has it, all stop after the same batch.

    Attributes:
        gradient: (num_members, num_parameters), filled by each rank for its own rows.
    """

    def __init__(self, parameters: Tensor, ranks: Ranks, stop: Stop | None) -> None:
        self._ranks, self._stop = ranks, stop
        size, num_members = parameters.numel(), len(parameters)
        self._memory = parameters.new_zeros(size + num_members + 1)
        self.gradient = self._memory[:size].view_as(parameters)
        self._loss, self._wish = self._memory[size:-1], self._memory[-1:]

    def __call__(self, loss: Tensor, share: float | Tensor) -> Tensor:
        """Make the gradient that of the whole batch.

        Args:
            loss: the mean over this rank's rows, (num_members,).
            share: what part of the batch they are, one number or (num_members or 1,).

        Returns:
            The mean loss over the whole batch, (num_members,).
        """
        torch.mul(loss, share, out=self._loss)
        self.gradient.mul_(share.unsqueeze(-1) if isinstance(share, Tensor) else share)
        self._wish.fill_(self._stop is not None and self._stop.is_set())
        self._ranks.sum(self._memory)
        return self._loss

    def is_set(self) -> bool:
        """Whether a rank wished to stop before the last step, as `Event.is_set`."""
        return bool(self._wish.item())


@contextmanager
def joined(device: str = "cpu") -> Iterator[Ranks | None]:
    """Be one of the processes of a job while the block runs.

    The job is described by the variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as
    torchrun sets them, or as they are set by hand on each machine. Without them, or with a
    WORLD_SIZE of 1, or where the process is in a group already, nothing is done.

    Args:
        device: the setting; "cuda" exchanges through NCCL, "cpu" through gloo.

    Yields:
        The ranks; None for a process on its own.

    Raises:
        DistributedError: the variables are incomplete, or the others cannot be reached.
    """
    if dist.is_initialized() or os.environ.get("WORLD_SIZE", "1") == "1":
        yield Ranks.current()
        return
    try:
        dist.init_process_group(
            "nccl" if device == "cuda" else "gloo", timeout=timedelta(seconds=_SECONDS_TO_ANSWER)
        )
    except (RuntimeError, ValueError) as error:
        variables = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        job = ", ".join(f"{name}={os.environ.get(name, '(not set)')}" for name in variables)
        raise DistributedError(
            f"this process cannot reach the others of its job, {job}: {_first_line(error)}"
        ) from error
    try:
        yield Ranks()
    finally:
        dist.destroy_process_group()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(". ") if str(error).strip() else "no reason"
