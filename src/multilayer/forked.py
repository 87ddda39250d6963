"""What is done in a process that was forked off one whose threads it lacks.

A fork copies one thread alone. PyTorch's and polars' pools of threads seem to be there and wait for
ever for what nobody does. So in a forked process PyTorch computes on the one thread that there is;
what needs polars' pool is done by a fresh process, or refused with a `ForkedProcessError`.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from multilayer.errors import ForkedProcessError

_TASKS = Path("/proc/self/task")  # Linux: a folder for each thread of this process
_NAME = re.compile(rb"polars-\d")  # of a thread of the pool; what clears up files is another one

_has_polars_threads = False  # just before a fork
_is_forked = _lacks_polars_threads = False


def is_forked() -> bool:
    """Whether this process was forked after the package was imported."""
    return _is_forked


def lacks_polars_threads() -> bool:
    """Whether this process was forked off one in which polars' threads were running."""
    return _lacks_polars_threads


def require_polars_threads(purpose: str) -> None:
    """Refuse what would wait for ever for polars' threads.

    Args:
        purpose: what needs them, as the subject of the message.

    Raises:
        ForkedProcessError: they are lacking.
    """
    if _lacks_polars_threads:
        raise ForkedProcessError(
            f"{purpose} needs threads of polars, and this process was forked from one that had "
            "started them, so that it would wait for ever; start processes by 'spawn' or "
            "'forkserver' (multiprocessing.get_context), or fork before any table is used"
        )


def _note_threads() -> None:
    global _has_polars_threads
    if _has_polars_threads or "polars" not in sys.modules:
        return
    try:
        tasks = list(_TASKS.iterdir())
    except OSError:  # no such folder: they may be there
        _has_polars_threads = True
        return
    for task in tasks:
        with suppress(OSError):  # a thread that has just ended is none of polars', which stay
            _has_polars_threads |= _NAME.match((task / "comm").read_bytes()) is not None


def _settle_in() -> None:
    global _is_forked, _lacks_polars_threads
    _is_forked = True
    _lacks_polars_threads = _lacks_polars_threads or _has_polars_threads
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):  # it may be half loaded
        torch.set_num_threads(1)  # the team of threads of OpenMP is gone


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_note_threads, after_in_child=_settle_in)
