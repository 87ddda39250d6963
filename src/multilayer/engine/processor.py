"""How the processor works during a fit: threads, precision, the smallest numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from multilayer.data.forked import is_forked
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec

# Multiply-adds in a step below which the second thread costs more than it brings.
_LEAST_WORK_FOR_THREADS = 5_000_000


def choose_num_threads(settings: TrainingSettings, spec: NetworkSpec, num_members: int) -> int:
    """The number of threads that a fit runs on.

    It follows from the settings and the sizes alone, not from a measurement, so that a run on a
    machine repeats bit for bit.
    """
    if settings.num_threads:
        return settings.num_threads
    work = 3 * settings.batch_size * spec.num_parameters * num_members
    return 1 if work < _LEAST_WORK_FOR_THREADS else torch.get_num_threads()


@contextmanager
def processor(num_threads: int, precision: str) -> Iterator[None]:
    """Set PyTorch's threads and precision, and put them back after.

    Numbers too small for float32's full precision are taken as zero meanwhile: they slow a
    processor down a hundredfold and change nothing.

    Args:
        num_threads: for the products.
        precision: "highest", or "medium" for products that may round to bfloat16.
    """
    threads_before = torch.get_num_threads()
    precision_before = torch.get_float32_matmul_precision()
    flushed_before = flushes_denormals()
    if is_forked():  # the team of threads is gone, and would be waited for
        num_threads = 1
    if num_threads != threads_before:
        torch.set_num_threads(num_threads)
    torch.set_float32_matmul_precision(precision)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
        torch.set_float32_matmul_precision(precision_before)
        if num_threads != threads_before:
            torch.set_num_threads(threads_before)


def flushes_denormals() -> bool:
    """Whether this thread takes numbers too small for full precision as zero."""
    return float(torch.tensor(1e-310, dtype=torch.float64) * 1) == 0
