"""Which kind of step trains a population fastest, with the same result."""

from collections.abc import Callable, Sequence

from torch import Tensor

from multilayer.engine.batches import Batch
from multilayer.engine.cuda_graphs import RecordedStep, can_be_recorded
from multilayer.engine.distributed import GradientSum, Ranks
from multilayer.engine.member_threads import MemberThreads
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_member_threads
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step


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
