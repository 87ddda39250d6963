"""The members of a population divided among threads, each with the whole step of its members.

A product of small matrices gains little from a second thread, as its threads wait for each other in
every product. Members need not wait: each thread trains some of them, and the threads never are
more than a step apart.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import torch
from torch import Tensor

from multilayer.engine.batches import Batch
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step


class MemberThreads:
    """Takes a population one batch further, as `Step`, each thread its part of the members.

    Where the members cannot be shared out evenly, each that is left over is taken by the threads
    in turn, and a thread with less to do goes on with the next batch: of five members two threads
    have two and a half each.

    Args:
        network: its parameters are changed in place.
        members: settings of each member.
        num_steps: how many steps the schedules are spread over.
        num_threads: threads; the one that calls is among them.

    Attributes:
        averaged: the running average of the parameters, of their shape; None without one.
    """

    def __init__(
        self,
        network: Network,
        members: Sequence[TrainingSettings],
        num_steps: int,
        num_threads: int,
    ) -> None:
        self._num_lanes = num_threads
        self._parts = divide(len(members), num_threads)
        self._steps = [
            Step(Network.of(network.spec, network.parameters[part]), members[part], num_steps)
            for part in self._parts
        ]
        self.averaged = network.parameters.clone() if members[0].average_decay else None
        if self.averaged is not None:
            for part, step in zip(self._parts, self._steps, strict=True):
                step.averaged = self.averaged[part]
        self._threads = [
            ThreadPoolExecutor(1, "multilayer-member", initializer=_prepare_thread)
            for _ in range(num_threads - 1)
        ]
        self._num_batches = 0
        self._running: list[Future[None]] = []  # the last batch, in each thread but the caller's

    def run(self, batch: Batch) -> Tensor:
        """Train on one batch; see `Step`.

        Returns:
            The loss before the update, (num_members,), in memory of its own, filled once `finish`
            has returned.
        """
        batch, before = batch.copied(), self._running
        loss = self._steps[0].gradient.new_empty(self._parts[-1].stop)
        number, self._num_batches = self._num_batches, self._num_batches + 1
        self._running = [
            thread.submit(self._take, place, number, batch, loss, before)
            for place, thread in enumerate(self._threads, 1)
        ]
        self._take(0, number, batch, loss, before)
        for earlier in before:
            earlier.result()
        return loss

    def finish(self) -> None:
        """Wait for what is still running; raises what was raised there."""
        for running in self._running:
            running.result()

    def state(self) -> dict[str, Tensor]:
        """See `Step.state`; it does not depend on the number of threads."""
        states = [step.state() for step in self._steps]
        return {
            name: torch.cat([state[name] for state in states]) if first.dim() else first
            for name, first in states[0].items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Step.restore`."""
        for part, step in zip(self._parts, self._steps, strict=True):
            step.restore(
                {name: value[part] if value.dim() else value for name, value in state.items()}
            )

    def close(self) -> None:
        """End the threads."""
        for thread in self._threads:
            thread.shutdown()

    def _take(
        self, place: int, number: int, batch: Batch, loss: Tensor, before: Sequence[Future[None]]
    ) -> None:
        """Train a thread's members on a batch, and in its turn one that does not divide evenly.

        These members rotate among the threads; wait for the thread that trained this one last.
        """
        self._train(place, batch, loss)
        left_over = (place - number) % self._num_lanes
        if self._num_lanes + left_over < len(self._parts):
            if number and place != 1:  # thread 0, the caller's, is done before others begin
                before[(place - 2) % self._num_lanes].result()
            self._train(self._num_lanes + left_over, batch, loss)

    def _train(self, part: int, batch: Batch, loss: Tensor) -> None:
        members = self._parts[part]
        with torch.inference_mode():  # which holds for the thread that enters it alone
            loss[members] = self._steps[part].run(batch.of_members(members))


def divide(num_members: int, num_threads: int) -> list[slice]:
    """Members for each thread, equally many, and then one by one those that are left over."""
    each = num_members // num_threads
    ends = [*range(0, each * num_threads, each), *range(each * num_threads, num_members + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _prepare_thread() -> None:
    """What `processor` sets for the calling thread alone."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
