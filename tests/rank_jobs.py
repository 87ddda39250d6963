"""Processes that train together, in forks of the process that has everything loaded."""

import os
import signal
import socket
import threading
from pathlib import Path

from fork_server import Forked, ForkServer

SECONDS_UNTIL_STUCK = 600
# Ranks look after each other more often than users' do, so that tests need not wait long.
QUICK = """
import faulthandler, signal
faulthandler.register(signal.SIGUSR1)
from multilayer.engine import rank_watch
rank_watch._SECONDS_BETWEEN_BEATS = 0.1
rank_watch._SECONDS_TO_FIND_WHO = 1.0
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def job_environment(rank: int, num_ranks: int, port: int) -> dict[str, str]:
    """What torchrun or a hand would set for a process."""
    return {
        "RANK": str(rank), "WORLD_SIZE": str(num_ranks), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "FATAL",
    }  # fmt: skip


def start_ranks(
    forks: ForkServer, program: str, *arguments: str | Path, num_ranks: int = 2, **env: str
) -> list[Forked]:
    """A fork for each rank; "{rank}" in an argument becomes its number."""
    port, nothing = free_port(), os.open(os.devnull, os.O_RDONLY)
    processes = []
    for rank in range(num_ranks):
        given = ["-c", *(str(part).replace("{rank}", str(rank)) for part in arguments)]
        environment = {**os.environ, **job_environment(rank, num_ranks, port), **env}
        processes.append(
            forks.start(
                f"{QUICK}\n{program}", *given, env=environment, streams=(nothing, None, None)
            )
        )
    os.close(nothing)
    return processes


def wait(processes: list[Forked], seconds: float = SECONDS_UNTIL_STUCK) -> list[tuple[int, str]]:
    """Exit code and standard error of each; none runs any more.

    The error of one that does not end in time has its stacks.
    """

    def show() -> None:
        for process in processes:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGUSR1)

    timer = threading.Timer(seconds - 5, show)
    timer.start()
    try:
        errors = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        timer.cancel()
        for process in processes:
            process.close()
    return [(process.wait(), text) for process, text in zip(processes, errors, strict=True)]
