"""Which kind of step trains a population fastest, with the same result.

A small network's step on a graphics card is a score of kernels of a few microseconds each;
launching them one by one takes longer than they do. A CUDA graph records them once and launches
them together.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from multilayer.engine.batches import Batch
from multilayer.engine.distributed import GradientSum, Ranks
from multilayer.engine.member_threads import MemberThreads
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_member_threads
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step

_STEPS_BEFORE_RECORDING = 3  # libraries choose their kernels and take their memory in these


def choose_step(
    network: Network,
    members: Sequence[TrainingSettings],
    num_steps: int,
    num_threads: int,
    ranks: Ranks | None,
    gradient_sum: GradientSum | None,
) -> tuple[Step | MemberThreads, Callable[[Batch], Tensor]]:
    """What trains on a batch: one step for all members, or threads with some of them each.

    Args:
        network: its parameters are going to be changed in place.
        members: settings of each member.
        num_steps: how many steps the schedules are spread over.
        num_threads: of the processor.
        ranks: the processes that train together; None: this one is on its own.
        gradient_sum: sums the gradients of these.

    Returns:
        The step, and what to call with each batch: its `run`, or a recording of that. It gives the
        loss in memory of its own, which may be filled no earlier than `finish` returns.
    """
    device, num_member_threads = network.parameters.device, 1
    if device.type == "cpu" and ranks is None:
        num_member_threads = choose_num_member_threads(len(members), num_threads)
    if num_member_threads > 1:
        threads = MemberThreads(network, members, num_steps, num_member_threads)
        return threads, threads.run
    step = Step(network, members, num_steps, gradient_sum)
    run = RecordedStep(step) if can_be_recorded(members, device, ranks) else step.run
    return step, lambda batch: run(batch).clone()


def can_be_recorded(
    members: Sequence[TrainingSettings], device: torch.device, ranks: Ranks | None
) -> bool:
    """Whether every step is the same kernels with the same numbers.

    It is not where a schedule or an average depends on the number of the step, where Adam's
    members have learning rates of their own, where masks are drawn, or where ranks exchange.
    """
    shared = members[0]
    has_own_rates = len({member.learning_rate for member in members}) > 1
    return (
        device.type == "cuda"
        and ranks is None
        and shared.schedule == "constant"
        and not shared.average_decay
        and shared.regularization_schedule == "constant"
        and not shared.input_dropout
        and not any(member.dropout for member in members)
        and not (shared.optimizer == "adam" and has_own_rates)
    )


class RecordedStep:
    """Records the step on the first shape of batch, and launches it again for all of that shape.

    The ragged last batch of an epoch has another shape and is a step as ever.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._num_steps = step, 0
        self._shape: torch.Size | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._loss: Tensor | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """Train on one batch, which lies where the others of its shape did; see `Step`."""
        self._shape = self._shape or batch.inputs.shape
        self._num_steps += 1
        if batch.inputs.shape != self._shape or self._num_steps <= _STEPS_BEFORE_RECORDING:
            return self._step.run(batch)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records, and runs nothing
                self._loss = self._step.run(batch)
        self._graph.replay()
        assert self._loss is not None
        return self._loss
