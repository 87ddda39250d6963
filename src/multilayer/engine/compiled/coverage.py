"""Which trainings the compiled step takes, and on how many threads."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from multilayer.engine.compiled.compiled_step import ROW_TYPES
from multilayer.engine.processor import choose_num_member_threads, usual_num_threads
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec

if TYPE_CHECKING:
    from multilayer.engine.batches import Examples
    from multilayer.engine.chunks import ChunkedExamples

# Multiply-adds of a step from which a second thread saves more than the threads' meetings take.
_LEAST_STEP_FOR_THREADS = 10_000_000
# Multiply-adds of a layer, from which PyTorch's products are faster than ours by more than all else
# takes.
_LARGEST_LAYER = 100_000_000


def is_covered(
    spec: NetworkSpec,
    members: Sequence[TrainingSettings],
    examples: "Examples | ChunkedExamples",
    dtype: torch.dtype,
) -> bool:
    """Whether the compiled step does all that these settings ask for, and is the faster one.

    Args:
        spec: the networks' shape.
        members: settings of each.
        examples: the training rows.
        dtype: of the parameters.
    """
    shared = members[0]
    inputs, targets, weights = examples.empty(0)
    assert inputs is not None
    assert targets is not None
    if shared.augment or shared.precision != "highest":
        return False
    if len(set(spec.activations)) > 1:
        return False
    widths = (spec.num_features, *spec.hidden_widths, spec.num_outputs)
    largest = max(a * b for a, b in pairwise(widths))
    if largest * min(shared.batch_size, len(examples)) > _LARGEST_LAYER:
        return False
    of_targets = torch.int64 if shared.loss == "cross_entropy" else dtype
    return (
        dtype in (torch.float32, torch.float64)
        and inputs.dtype in ROW_TYPES
        and targets.dtype == of_targets
        and (weights is None or weights.dtype == dtype)
    )


def choose_num_compiled_threads(
    settings: TrainingSettings, spec: NetworkSpec, num_members: int
) -> int:
    """The number of threads of the compiled step; like `choose_num_threads` by sizes alone."""
    if settings.num_threads:
        return settings.num_threads
    usual = usual_num_threads()
    work = settings.batch_size * spec.num_parameters * num_members
    if choose_num_member_threads(num_members, usual) > 1:
        return usual if work >= _LEAST_STEP_FOR_THREADS // 8 else 1
    return usual if work >= _LEAST_STEP_FOR_THREADS else 1
