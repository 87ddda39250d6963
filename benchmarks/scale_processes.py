"""Run a command and watch its processes: seconds, peak memory of each, bytes that they read."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# A process is one core's work; what reads and encodes has threads of its own in polars.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


@dataclass(frozen=True)
class Watched:
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of all its processes.
        peaks: resident bytes of each process at its highest, the largest first.
        read_bytes: that all processes read from files and pipes.
    """

    seconds: float
    cpu_seconds: float
    peaks: list[int]
    read_bytes: int


def processes_of(pid: int) -> Iterator[int]:
    """A process and those that it has started, with what these have started."""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue


def watched(
    command: Sequence[str | Path], watch: Callable[[], None] = lambda: None, **variables: str
) -> Watched:
    """Run a command to its end.

    Args:
        command: and its arguments.
        watch: is called often meanwhile.
        variables: of its environment, besides one thread for each process.

    Raises:
        SystemExit: it failed; it has said why.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), env={**os.environ, **ONE_THREAD, **variables},
        stdout=sys.stderr,
    )  # fmt: skip
    peaks: dict[int, int] = {}
    read: dict[int, int] = {}
    cpu: dict[int, float] = {}
    done = threading.Event()

    def follow() -> None:
        while not done.wait(0.02):
            for pid in processes_of(process.pid):
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                    peaks[pid] = int(status.partition("VmHWM:")[2].split()[0]) * 1024
                    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    cpu[pid] = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
                    read[pid] = int(Path(f"/proc/{pid}/io").read_text().split()[1])
                except (OSError, IndexError, ValueError):
                    continue

    following = threading.Thread(target=follow)
    following.start()
    try:
        while process.poll() is None:
            watch()
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
        done.set()
        following.join()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    by_size = sorted(peaks.values(), reverse=True)
    return Watched(seconds, sum(cpu.values()), by_size, sum(read.values()))
