"""A training step as one launch on a graphics card.

A small network's step is a score of kernels of a few microseconds each; launching them one by one
takes longer than they do. A CUDA graph records them once and launches them together.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from multilayer.engine.batches import Batch
from multilayer.engine.distributed import Ranks
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step

_STEPS_BEFORE_RECORDING = 3  # libraries choose their kernels and take their memory in these


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
