"""Which kind of step trains a population fastest, with the same result.

A small network's step on a graphics card is a score of kernels of a few microseconds each;
launching them one by one takes longer than they do. A CUDA graph records them once and launches
them together.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

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

Run = Callable[[], Tensor]  # takes a step, gives its loss
Recording = tuple[Callable[[], object], Tensor]  # takes the step again; its loss


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


def record_graph(run: Run) -> Recording:
    """Record what is launched as a CUDA graph, whatever other threads do meanwhile."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # runs nothing
        loss = run()
    return graph.replay, loss


class RecordedStep:
    """Records the step on each kind of batch that comes again, and launches that from then on.

    An epoch has two kinds, whole batches and the ragged last one. Kinds differ in shape or in where
    in memory the rows lie.

    Args:
        step: what is recorded.
        record: records what it is given to run, without any effect on parameters; gives what takes
            the step, and the loss that it fills.
    """

    def __init__(self, step: Step, record: Callable[[Run], Recording] = record_graph) -> None:
        self._step, self._record = step, record
        self._nums_of_steps: Counter[Hashable] = Counter()
        self._recordings: dict[Hashable, Recording] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """Train on one batch; see `Step`."""
        rows, targets, weights = batch.inputs, batch.targets, batch.weights
        kind = (
            rows.shape,
            rows.data_ptr(),
            targets.data_ptr(),
            weights is None or weights.data_ptr(),
        )
        if kind in self._recordings:
            replay, loss = self._recordings[kind]
            self._step.count_replay()
        elif self._nums_of_steps[kind] < _STEPS_BEFORE_RECORDING:
            self._nums_of_steps[kind] += 1
            return self._step.run(batch)
        else:
            self._recordings[kind] = replay, loss = self._record(lambda: self._step.run(batch))
        replay()
        return loss
