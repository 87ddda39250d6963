"""Rows answered a chunk at a time: on all cores, and in bits as on one.

The sums of a matrix product depend on how many threads share it. So each chunk is answered by one
thread, which also keeps a thread that asks from waiting for others in each product, and follows
from the network's shape alone. Within a training its own threads share in each product, as its bits
depend on their number anyway: with others beside them its next steps are slower, an epoch of the
chapter's by 4%.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from multilayer.engine.processor import flushes_denormals, is_in_training
from multilayer.engine.specification import NetworkSpec

_FEWEST_ROWS, _MOST_ROWS = 128, 1024  # of a chunk
_VALUES_OF_A_CHUNK = 2**20  # that flow through the layers; more would leave the cache
_WORK_OF_A_CHUNK = 2**26  # multiply-adds: about two milliseconds
_LEAST_WORK_FOR_THREADS = 2**25  # multiply-adds of all rows; starting a thread takes as long as 2²¹


def rows_of_a_chunk(spec: NetworkSpec, num_members: int) -> int:
    """How many rows are answered at once, a power of two."""
    of_a_neuron = 4 if spec.learned_activation else 1
    values = spec.num_inputs + spec.num_features + of_a_neuron * sum(spec.widths[1:])
    values += 2 * spec.number_components * spec.embedded_numbers
    rows = min(
        _VALUES_OF_A_CHUNK // (values * num_members),
        _WORK_OF_A_CHUNK // (spec.num_parameters * num_members),
    )
    return max(_FEWEST_ROWS, min(_MOST_ROWS, 1 << max(rows, 1).bit_length() - 1))


def answer_chunks(starts: range, work: int, answer: Callable[[range], None]) -> None:
    """Answer all chunks, on one thread each and on as many as PyTorch may use here.

    Within a training they are answered one after the other.

    The threads take one chunk after another, so that one with other work to do is not waited for.

    Args:
        starts: the first row of each chunk.
        work: multiply-adds of all rows.
        answer: answers the chunks that begin at some of these rows.
    """
    num_threads = torch.get_num_threads()
    if num_threads == 1 or is_in_training():
        answer(starts)
        return
    torch.set_num_threads(1)
    try:
        num_others = min(num_threads, len(starts)) - 1
        if num_others < 1 or work < _LEAST_WORK_FOR_THREADS:
            answer(starts)
            return
        left, flushes = iter(starts), flushes_denormals()

        def take_chunks() -> None:
            for start in left:  # the next of a range is one step for the interpreter: no lock
                answer(range(start, start + 1))

        def take_chunks_beside() -> None:
            torch.set_flush_denormal(flushes)
            take_chunks()

        others = [_threads().submit(take_chunks_beside) for _ in range(num_others)]
        take_chunks()
        for other in others:
            if not other.cancel():  # it has begun
                other.result()
    finally:
        torch.set_num_threads(num_threads)


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads that answer beside those that ask: a new one is slow in its first products."""
    num_others = max(1, (os.cpu_count() or 1) - 1)
    return ThreadPoolExecutor(num_others, "multilayer-answer", torch.set_num_threads, (1,))


if hasattr(os, "register_at_fork"):  # a forked process has none of them
    os.register_at_fork(after_in_child=_threads.cache_clear)
