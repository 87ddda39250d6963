"""Training in several processes, on one machine or many.

Every rank walks through the same shuffled batches. Of each batch it takes its share of the rows;
one sum over the ranks, an all-reduce of the flat gradient, then makes the gradient of the whole
batch. All ranks take the same step, so that their networks stay the same.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed import PrefixStore, Store, rendezvous  # type: ignore[attr-defined]

from multilayer.engine.bounded_store import BoundedStore
from multilayer.engine.fingerprints import differences_in_words, versions
from multilayer.engine.machine import choose_device
from multilayer.engine.rank_meeting import meet
from multilayer.engine.rank_watch import (
    RankWatch,
    name_of_rank,
    seconds_of_a_hang,
    store_of_watch,
)
from multilayer.engine.scores import Scores
from multilayer.errors import DistributedError, MultilayerError, SettingsError

_SECONDS_TO_MEET = 45  # after which a process that nobody answers gives up
_SECONDS_TO_ANSWER = 20  # that the store has while they meet
_SECONDS_BEYOND_A_HANG = 60  # a rank that hangs is to be ended by its own watch first

_watch: RankWatch | None = None  # of this process, between `joined` and its end


class Stop(Protocol):
    """Whether training is to end after this batch; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether somebody wishes it."""


class Ranks:
    """The processes that train one population together: torch.distributed's default group.

    Attributes:
        rank: the number of this process, from 0; rank 0 is the one that writes and prints.
        size: how many there are.
        device: of what is exchanged.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device = choose_device("cuda" if dist.get_backend() == "nccl" else "cpu")

    @classmethod
    def current(cls) -> "Ranks | None":
        """The group that this process is in; None where it trains on its own."""
        is_member = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        return cls() if is_member else None

    @property
    def name(self) -> str:
        """What messages call this process, with its host."""
        return name_of_rank(self.rank, self.size)

    @property
    def watch(self) -> RankWatch | None:
        """Looks after the others; None where the program made the group itself."""
        return _watch

    def sum(self, values: Tensor) -> None:
        """Replace values by their sum over the ranks.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        with self.reaching_others():
            dist.all_reduce(values)

    def copy_from_first(self, values: Tensor) -> None:
        """Replace values by those of rank 0.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        with self.reaching_others():
            dist.broadcast(values, src=0)

    def scores_of_first(self, scores: Scores) -> Scores:
        """What rank 0 measured, so that all ranks decide alike."""
        parts = (scores.loss, scores.accuracy or (), scores.calibrated_loss or ())
        values = torch.tensor(sum(parts, ()), dtype=torch.float64, device=self.device)
        self.copy_from_first(values)
        loss, accuracy, calibrated = values.split([len(part) for part in parts])
        return replace(
            scores,
            loss=tuple(loss.tolist()),
            accuracy=tuple(accuracy.tolist()) or None,
            calibrated_loss=tuple(calibrated.tolist()) or None,
        )

    def texts(self, text: str) -> list[str]:
        """The text of each rank.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        content = torch.tensor(list(text.encode()), dtype=torch.uint8, device=self.device)
        sizes = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        sizes[self.rank] = len(content)
        self.sum(sizes)
        of_all = content.new_zeros(self.size, int(sizes.max()))
        of_all[self.rank, : len(content)] = content
        self.sum(of_all)
        return [
            bytes(row[:size].tolist()).decode()
            for row, size in zip(of_all, sizes.tolist(), strict=True)
        ]

    def check_versions(self) -> None:
        """Make sure before any work that all run the same PyTorch and the same version of ours.

        Raises:
            SettingsError: a rank does not.
        """
        first, *others = map(json.loads, self.texts(json.dumps({"name": self.name, **versions()})))
        for other in others:
            for package in versions():
                if other[package] != first[package]:
                    raise SettingsError(
                        f"{other['name']} has {package} {other[package]}, and {first['name']} has "
                        f"{first[package]}; install the same version on all machines"
                    )

    def check_same(self, fingerprint: Mapping[str, Any], batch_size: int) -> None:
        """Make sure before any work that the ranks do the same, and that there is work for each.

        Args:
            fingerprint: of network, settings, data and versions, as plain JSON.
            batch_size: rows in a batch.

        Raises:
            SettingsError: the ranks differ, or there are more of them than rows in a batch.
        """
        texts = self.texts(json.dumps({"name": self.name, "fingerprint": fingerprint}))
        first, *others = map(json.loads, texts)
        for other in others:
            found = differences_in_words(
                first["fingerprint"], other["fingerprint"],
                f"on {first['name']} is", "there it is",
            )  # fmt: skip
            if found:
                raise SettingsError(f"{other['name']} was not given the same: {found}")
        if batch_size < self.size:
            raise SettingsError(
                f"a batch of {batch_size} rows has none for some of {self.size} processes; start "
                f"at most {batch_size}, or take a batch_size of at least {self.size}"
            )

    @contextmanager
    def reaching_others(self) -> Iterator[None]:
        """While the block runs this process waits for others, which may have been lost.

        Raises:
            DistributedError: a rank has ended or does not answer.
        """
        watch = _watch
        try:
            with nullcontext() if watch is None else watch.waiting():
                yield
        except RuntimeError as error:
            reason = None if watch is None else watch.reason_of_loss()
            raise DistributedError(
                reason
                or f"{self.name} has lost the others: a process has ended or cannot be reached "
                f"({_first_line(error)})"
            ) from error


class GradientSum:
    """Gradient, losses and the wish to stop of all ranks, summed in one exchange a step.

    Args:
        parameters: (num_members, num_parameters).
        ranks: who takes part.
        stop: this rank's wish to stop; when one rank has it, all stop after the same batch.

    Attributes:
        gradient: (num_members, num_parameters), filled by each rank with its part of the gradient
            of the whole batch's loss.
        ranks: who takes part.
    """

    def __init__(self, parameters: Tensor, ranks: Ranks, stop: Stop | None) -> None:
        self.ranks, self._stop = ranks, stop
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
        self._wish.fill_(self._stop is not None and self._stop.is_set())
        self.ranks.sum(self._memory)
        return self._loss

    def is_set(self) -> bool:
        """Whether a rank wished to stop before the last step, as `Event.is_set`."""
        with self.ranks.reaching_others():  # a card has not done the sum before it is asked for it
            return bool(self._wish.item())


@contextmanager
def joined(device: str = "cpu") -> Iterator[Ranks | None]:
    """Be one of the processes of a job while the block runs.

    The job is described by the variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as
    torchrun sets them, or as they are set by hand on each machine. Without them, or with a
    WORLD_SIZE of 1, or where the process is in a group already, nothing is done.

    Args:
        device: the setting; "cuda" exchanges through NCCL, "cpu" through gloo.

    While the block runs a thread looks after the others (see `RankWatch`), and ends this process
    with an error where one of them hangs or cannot be reached and nothing else notices it.

    Yields:
        The ranks; None for a process on its own.

    Raises:
        DistributedError: the variables are incomplete, or the others cannot be reached.
        SettingsError: there is no card for this process.
    """
    if dist.is_initialized() or os.environ.get("WORLD_SIZE", "1") == "1":
        yield Ranks.current()
        return
    global _watch
    if device == "cuda":  # each process has its own, which NCCL takes to be the current one
        torch.cuda.set_device(choose_device(device))
    meeting, store, rank, size = _met()
    watch = _watch = _watch_of(meeting, rank, size)
    is_well = False
    try:
        # Looked after, as those who have met may be gone before they are connected.
        with _told_why():
            dist.init_process_group(
                "nccl" if device == "cuda" else "gloo",
                store=PrefixStore(f"{meeting} group", store), rank=rank, world_size=size,
                timeout=timedelta(seconds=seconds_of_a_hang() + _SECONDS_BEYOND_A_HANG),
            )  # fmt: skip
        yield Ranks()
        is_well = True
    except BaseException as error:
        watch.fail(_why(error))
        raise
    finally:
        # Others learn that this process ends from the connection, and why from the store.
        _watch = None
        if is_well:
            watch.end()
        if dist.is_initialized():
            dist.destroy_process_group()
        if not is_well:
            watch.end(is_well=False)
        del store


def _met() -> tuple[str, Store, int, int]:
    """The name of the meeting once all are there, the job's store, this rank and how many.

    The store is open as long as somebody has it: in rank 0 it may be all others' too.
    """
    seconds_of_a_hang()  # refused before others are waited for
    with _told_why():
        store, rank, size = next(rendezvous("env://", timeout=timedelta(seconds=_SECONDS_TO_MEET)))
        bounded = BoundedStore(PrefixStore("multilayer", store), _SECONDS_TO_ANSWER)
        with closing(bounded):
            name = meet(bounded, rank, size, _SECONDS_TO_MEET)
    return name, store, rank, size


@contextmanager
def _told_why() -> Iterator[None]:
    """What keeps processes from finding each other, as an error that names the job."""
    try:
        yield
    except (RuntimeError, ValueError, TimeoutError) as error:
        variables = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        job = ", ".join(f"{name}={os.environ.get(name, '(not set)')}" for name in variables)
        raise DistributedError(
            f"this process cannot reach the others of its job, {job}: {_first_line(error)}"
        ) from error


def _watch_of(meeting: str, rank: int, size: int) -> RankWatch:
    """The watch over the others.

    Raises:
        DistributedError: the others cannot be reached.
    """
    try:
        store = PrefixStore(f"{meeting} watch", store_of_watch())
        store.set(f"name {rank}", name_of_rank(rank, size))
        names = [bytes(store.get(f"name {other}")).decode() for other in range(size)]
    except RuntimeError as error:
        reason = _first_line(error)
        raise DistributedError(f"the store of the job cannot be reached: {reason}") from error
    return RankWatch(store, rank, size, names)


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    return str(error) if isinstance(error, MultilayerError) else f"it has ended with {error!r}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(". ") if str(error).strip() else "no reason"
