"""The members of a population divided among threads, each with the whole step of its members.

A product of small matrices gains little from a second thread, as its threads wait for each other in
every product. Members need not wait: each thread trains some of them, and all meet once a step.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch
from torch import Tensor

from multilayer.engine.batches import Batch
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step

# With fewer, threads would have one member more or less to do, and wait for the longest.
_LEAST_MEMBERS_OF_A_LANE = 2


def choose_num_lanes(num_members: int, num_threads: int) -> int:
    """How many threads the members are divided among; 1: the threads share in each product."""
    return num_threads if num_members >= _LEAST_MEMBERS_OF_A_LANE * num_threads else 1


class Lanes:
    """Takes a population one batch further, as `Step`, each thread its part of the members.

    Args:
        network: its parameters are changed in place.
        members: settings of each member.
        num_steps: how many steps the schedules are spread over.
        num_lanes: threads; the one that calls is among them.

    Attributes:
        averaged: the running average of the parameters, of their shape; None without one.
    """

    def __init__(
        self,
        network: Network,
        members: Sequence[TrainingSettings],
        num_steps: int,
        num_lanes: int,
    ) -> None:
        ends = [len(members) * lane // num_lanes for lane in range(num_lanes + 1)]
        self._parts = [slice(*pair) for pair in pairwise(ends)]
        self._steps = [
            Step(Network.of(network.spec, network.parameters[part]), members[part], num_steps)
            for part in self._parts
        ]
        self.averaged = network.parameters.clone() if members[0].average_decay else None
        if self.averaged is not None:
            for part, step in zip(self._parts, self._steps, strict=True):
                step.averaged = self.averaged[part]
        self._loss = network.parameters.new_empty(len(members))
        self._threads = ThreadPoolExecutor(
            num_lanes - 1, "multilayer-lane", initializer=_prepare_thread
        )

    def on(self, batch: Batch) -> Tensor:
        """Train on one batch; see `Step`."""
        others = [
            self._threads.submit(self._take, lane, batch) for lane in range(1, len(self._steps))
        ]
        self._take(0, batch)
        for other in others:
            other.result()
        return self._loss

    def state(self) -> dict[str, Tensor]:
        """See `Step.state`; it does not tell how many lanes there were."""
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
        self._threads.shutdown()

    def _take(self, lane: int, batch: Batch) -> None:
        part = self._parts[lane]
        with torch.inference_mode():  # which holds for the thread that enters it alone
            self._loss[part] = self._steps[lane].on(batch.of_members(part))


def _prepare_thread() -> None:
    """What `processor` sets for the calling thread alone."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
