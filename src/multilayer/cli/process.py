"""The process around a command: its signals, its streams, and what happens when all else fails.

Nothing heavy is imported here, so that a signal that comes while the rest is being loaded is met.
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from multilayer.cli import exit_codes
from multilayer.cli.address_space import address_space, can_load
from multilayer.cli.interrupts import (
    Interrupted,
    expect_no_more_signals,
    receive_signals,
    received_exit_code,
)
from multilayer.cli.streams import OutputLostError, flush_streams, guard_streams
from multilayer.cli.terminal import say

# What they do is worth finishing though nobody can see how it goes.
_COMMANDS_THAT_GO_ON = ("train", "tune", "compare", "study", "picture", "report", "bench", "serve",
                        "playground")  # fmt: skip
_TOO_LITTLE_MEMORY = "there is not enough memory"
_WORDS_OF_MEMORY = ("can't allocate", "bad_alloc", "cannot allocate", "can't start new thread",
                    "failed to map", "memory allocation")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with receive_signals():
        try:
            guard_streams(goes_on=bool(given) and given[0] in _COMMANDS_THAT_GO_ON)
            if can_load(given):
                code = _run(given)
            else:
                code = complain(_TOO_LITTLE_MEMORY + _address_space(), exit_codes.FAILED)
            expect_no_more_signals()
        except BaseException as error:
            expect_no_more_signals()
            code = _exit_code_for(error)
        lost = flush_streams()
        if isinstance(lost, BrokenPipeError):  # the reader of our output went away, as `head` does
            code = code or exit_codes.BROKEN_PIPE
        elif lost is not None:
            reason = (lost.strerror or str(lost)).lower()
            code = complain(f"cannot write the standard output: {reason}", code or 1)
            flush_streams()
        # All files are closed and all output is written: what is left to be tidied up is memory,
        # which takes PyTorch a tenth of a second and the system nothing.
        os._exit(code)


def complain(message: str, code: int) -> int:
    """Print an error as one line on the standard error; the exit code."""
    say(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _run(arguments: Sequence[str]) -> int:
    from multilayer.cli.application import run

    return run(arguments)


def _exit_code_for(error: BaseException) -> int:
    """Say what went wrong where no command could; a traceback only where the program is wrong."""
    interrupted = received_exit_code()
    if isinstance(error, Interrupted):
        return complain("interrupted", error.exit_code)
    if interrupted is not None:  # met in the middle of loading something, which then failed
        return complain("interrupted", interrupted)
    if isinstance(error, OutputLostError):
        return 0  # `main` says what was lost
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else exit_codes.FAILED
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in _WORDS_OF_MEMORY):
        return complain(_TOO_LITTLE_MEMORY + _address_space(), exit_codes.FAILED)
    if isinstance(error, ImportError):
        return complain(f"a part cannot be loaded: {text}{_address_space()}", exit_codes.FAILED)
    if type(error).__name__ == "PanicException":
        return complain(f"polars failed: {text}{_address_space()}", exit_codes.FAILED)
    if _address_space():  # libraries whose memory is refused fail in all kinds of ways
        return complain(f"{type(error).__name__}: {text}{_address_space()}", exit_codes.FAILED)
    sys.excepthook(type(error), error, error.__traceback__)
    return exit_codes.FAILED


def _address_space() -> str:
    """How much the process may address, if that is limited."""
    if (limits := address_space()) is None:
        return ""
    return f"; the process may address {limits[0] / 1e6:,.0f} MB (ulimit -v), which is too little"
