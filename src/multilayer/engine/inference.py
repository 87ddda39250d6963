"""Rows answered a chunk at a time: on all cores, and in bits as on one.

The sums of a matrix product depend on how many threads share it. So each chunk is answered by one
thread, which also keeps a thread that asks from waiting for others in each product, and follows
from the network's shape alone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from multilayer.engine.processor import flushes_denormals
from multilayer.engine.specification import NUM_FREQUENCIES, NetworkSpec

_FEWEST_ROWS, _MOST_ROWS = 128, 1024  # of a chunk
_VALUES_OF_A_CHUNK = 2**20  # that flow through the layers; more would leave the cache
_WORK_OF_A_CHUNK = 2**26  # multiply-adds: about two milliseconds
_LEAST_WORK_FOR_THREADS = 2**25  # multiply-adds of all rows; starting a thread takes as long as 2²¹


def rows_of_a_chunk(spec: NetworkSpec, num_members: int) -> int:
    """How many rows are answered at once, a power of two."""
    of_a_neuron = 4 if spec.learned_activation else 1
    values = spec.num_inputs + spec.num_features + of_a_neuron * sum(spec.widths[1:])
    values += 2 * NUM_FREQUENCIES * spec.embedded_numbers
    rows = min(
        _VALUES_OF_A_CHUNK // (values * num_members),
        _WORK_OF_A_CHUNK // (spec.num_parameters * num_members),
    )
    return max(_FEWEST_ROWS, min(_MOST_ROWS, 1 << max(rows, 1).bit_length() - 1))


def answer_chunks(starts: range, work: int, answer: Callable[[range], None]) -> None:
    """Answer all chunks, on one thread each and on as many as PyTorch may use here.

    Args:
        starts: the first row of each chunk.
        work: multiply-adds of all rows.
        answer: answers the chunks that begin at some of these rows.
    """
    num_threads = torch.get_num_threads()
    if num_threads == 1:
        answer(starts)
        return
    torch.set_num_threads(1)
    try:
        num_shares = min(num_threads, len(starts))
        if num_shares < 2 or work < _LEAST_WORK_FOR_THREADS:
            answer(starts)
            return
        with ThreadPoolExecutor(
            num_shares - 1, "multilayer-answer", _prepare_thread, (flushes_denormals(),)
        ) as pool:
            shares = [starts[share::num_shares] for share in range(num_shares)]
            others = [pool.submit(answer, share) for share in shares[1:]]
            answer(shares[0])
            for other in others:
                other.result()
    finally:
        torch.set_num_threads(num_threads)


def _prepare_thread(flushes: bool) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(flushes)
