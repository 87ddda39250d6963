"""A job that torchrun has started again: the run that it was to go on with.

After the death of a process, and when machines join or leave, torchrun ends all processes and
starts the same command again. It goes on with the folder that the job has begun to fill.
"""

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from multilayer.runs.configuration import RunConfiguration, has_finished
from multilayer.runs.run_folder import RunFolder

_NO_NAME = "none"  # torchrun's, of a job that is started without --rdzv-id


def job_of(configuration: RunConfiguration) -> str | None:
    """What tells this job and what it was asked for from others; None without torchrun.

    Jobs that have no name of their own are told apart by the process that started them.
    """
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    if name is None:
        return None
    if name == _NO_NAME:
        name = f"{socket.gethostname()} {os.getppid()}"
    asked = replace(configuration, memory_limit=None, checkpoint_every=None, is_resumed=False)
    asked = replace(asked, began=0.0)
    return f"{name} {hashlib.sha256(repr(asked).encode()).hexdigest()}"


def run_to_go_on(configuration: RunConfiguration) -> tuple[Path | None, bool]:
    """The folder of the run that this job has begun, and whether it has finished it.

    Returns:
        None, False: it has begun none.
    """
    job = job_of(configuration)
    if job is None or configuration.is_resumed:
        return None, False
    for path in _candidates(configuration.output):
        if RunFolder.is_of_job(path, job) and (path / "settings.json").exists():
            return path, has_finished(path)
    return None, False


def _candidates(output: str | Path | None) -> Iterator[Path]:
    if output is not None:
        yield Path(output)
    elif Path("runs").is_dir():
        yield from sorted(Path("runs").iterdir())
