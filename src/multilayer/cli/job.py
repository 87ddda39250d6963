"""A command as one of several processes that torchrun has started."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from multilayer.cli import exit_codes
from multilayer.errors import (
    DistributedError,
    MultilayerError,
    SettingsError,
    TrainingDivergedError,
)

# They name the ranks themselves, or are the same wherever they are met.
_ERRORS_OF_NO_PLACE = (DistributedError, SettingsError, TrainingDivergedError)
_SECONDS_FOR_THE_FIRST = 5
_SECONDS_FOR_OTHERS = 1.0  # that the one that speaks has before torchrun ends it


class SaidByAnotherError(Exception):
    """Raised from an error that another process of this machine tells of."""


def is_one_of_several() -> bool:
    """Whether this process is one of several of a job."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def is_first() -> bool:
    """Whether it is the one that prints and writes."""
    return os.environ.get("RANK", "0") == "0"


def refuse_in_several_processes(what: str, instead: str = "") -> None:
    """Refuse what one process does alone, in each of several; the first of them says so.

    Args:
        what: is for one process.
        instead: how it is done by several; empty: it is not.

    Raises:
        SettingsError: in the first process of several.
        SystemExit: in the others.
    """
    if not is_one_of_several():
        return
    if not is_first():
        time.sleep(_SECONDS_FOR_THE_FIRST)  # an early end of ours would cut its words off
        raise SystemExit(exit_codes.BAD_INPUT)
    raise SettingsError(f"{what} is for one process; start it without torchrun{instead}")


def let_others_end() -> None:
    """Let the other processes know, if there are any, that the first has nothing more for them."""
    if is_one_of_several():
        from multilayer.runs.shared_training import share_no_more

        share_no_more()


@contextmanager
def job(device: str | None) -> Iterator[None]:
    """Be one of the processes of a job while the block runs, if there are several.

    An error that ends the job is said once on each machine, by the process that has it or by the
    first to hear of it, with the rank and the host that it is of.

    Args:
        device: as typed, which is the same in all processes; None: the processor.
    """
    if not is_one_of_several():
        yield
        return
    # PyTorch's own lines about lost connections would stand around our error.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
    from multilayer.engine.distributed import joined

    with joined(device or "cpu") as ranks:
        assert ranks is not None
        try:
            ranks.check_versions()
            yield
        except MultilayerError as error:
            watch = ranks.watch
            if watch is not None:
                watch.fail(str(error))  # of one that has heard of a failure, this is known already
                # torchrun ends the others as soon as the first has ended.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                if not watch.may_speak():
                    time.sleep(_SECONDS_FOR_OTHERS)
                    raise SaidByAnotherError from error
            if not isinstance(error, _ERRORS_OF_NO_PLACE):
                error.args = (f"{ranks.name}: {error}",)
            raise
