"""A limit on the memory that the process may address (`ulimit -v`), met before a command runs.

Windows has no such limit.

polars, PyTorch and OpenBLAS end the process in words of their own where memory for their threads
is refused. So they are loaded in a child first, which may end as it likes.
"""

import io
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

_SMALL_BYTES = 4 * 10**9  # what is loaded fits in here with ease
_ROOM_BYTES = 128 * 2**20  # for what the command does with it
# Fewer areas of memory, which is given back: polars' allocator addresses far more than it uses, and
# it would complain of its background threads in hundreds of lines.
_ALLOCATOR = "background_thread:false,narenas:1,retain:false"
_M_ARENA_MAX = -8  # glibc's name for a setting of mallopt
_LOADED = {
    **dict.fromkeys(("predict", "serve"), ("polars",)),
    **dict.fromkeys(("train", "evaluate", "inspect", "doctor", "tune", "compare", "report",
                     "playground"),
                    ("polars", "torch")),
    **dict.fromkeys(("verify", "bench", "study", "picture"), ("torch",)),
}  # fmt: skip


def address_space() -> tuple[int, int] | None:
    """How many bytes the process may address, and may at most be allowed to; None: any number."""
    try:
        import resource
    except ImportError:
        return None
    limit, hard = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else (limit, hard)


def can_load(arguments: Sequence[str]) -> bool:
    """Whether the libraries of a command can be loaded within the limit, if there is a small one.

    Without a limit this does nothing.
    """
    limits = address_space()
    if limits is None:
        return True
    limit, hard = limits
    os.environ.setdefault("_RJEM_MALLOC_CONF", _ALLOCATOR)
    import ctypes

    with suppress(AttributeError):  # of another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)  # each thread's area is 64 MB of addresses
    libraries = _LOADED.get(arguments[0] if arguments else "", ())
    if limit > _SMALL_BYTES or not libraries or "--help" in arguments:
        return True
    import resource

    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (max(0, limit - _ROOM_BYTES), hard))
            _load(libraries)
        finally:
            os._exit(1)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:  # a signal for us
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return status == 0


def _load(libraries: Sequence[str]) -> None:
    """Load them, start their threads, and leave the process with status 0; in silence."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    import numpy as np

    np.ones((64, 64)) @ np.ones((64, 64))
    if "polars" in libraries:
        import polars as pl

        frame = pl.DataFrame({"a": ["1"] * 1000, "b": ["x"] * 1000})
        frame.lazy().select(pl.col("a").cast(pl.Int64), pl.col("b").n_unique()).collect()
        pl.scan_csv(io.BytesIO(frame.write_csv().encode())).collect()
    if "torch" in libraries:
        import torch

        torch.ones(64, 64) @ torch.ones(64, 64)
    os._exit(0)
