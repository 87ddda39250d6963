"""Which processes work on a study, and the trials of those that are gone.

Each process writes into the study every few seconds that it is there. A trial whose process has
been silent for longer, by the clock of whoever looks, or whose process on this machine is no more,
is failed and asked for again. That is the same for every storage, and clocks of several machines
need not agree. (Optuna's own heartbeat is for databases alone, and only within `optimize`.)
"""

import os
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from multilayer.experiments.tune.trials import WORKER_PREFIX

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

SECONDS_BETWEEN_SIGNS = 5.0
SECONDS_UNTIL_GONE = 30.0
MOST_TRIES = 3  # of a trial: one that ends its process each time is given up

_WORKER = "worker"  # attribute of a trial: who trains it
_TRIES = "tries"


class Worker:
    """A process at a study; gives signs of life within a `with` block."""

    def __init__(self, study: "Study") -> None:
        self.name = uuid.uuid4().hex[:12]
        self._study = study
        self._identity = {
            "host": socket.gethostname(), "pid": os.getpid(), "machine": _machine(),
            "born": _born(os.getpid()),
        }  # fmt: skip
        self._is_over = Event()
        self._thread = Thread(target=self._give_signs, name="multilayer-signs", daemon=True)
        self._seen: dict[str, tuple[Any, float]] = {}  # signs, and when they were new

    def __enter__(self) -> Self:
        self._sign(0)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._is_over.set()
        self._thread.join()

    def marks(self, tries: int = 1) -> dict[str, Any]:
        """Attributes of a trial that this process trains for the nth time."""
        return {_WORKER: self.name, _TRIES: tries}

    def lost_trials(self) -> "list[FrozenTrial]":
        """Trials that are running and whose process is gone."""
        from optuna.trial import TrialState

        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not running:
            return []
        attributes = self._study.user_attrs
        return [
            trial
            for trial in running
            if (name := trial.user_attrs.get(_WORKER, f"trial {trial.number}")) != self.name
            and self._is_gone(name, attributes.get(WORKER_PREFIX + name))
        ]

    def _is_gone(self, name: str, sign: dict[str, Any] | None) -> bool:
        if sign is not None and _has_ended(sign):
            return True
        now = time.monotonic()
        seen, since = self._seen.get(name, (None, now))
        if seen != sign or name not in self._seen:
            self._seen[name] = (sign, now)
            return False
        return now - since > SECONDS_UNTIL_GONE

    def _sign(self, number: int) -> None:
        self._study.set_user_attr(WORKER_PREFIX + self.name, {**self._identity, "sign": number})

    def _give_signs(self) -> None:
        number = 0
        while not self._is_over.wait(SECONDS_BETWEEN_SIGNS):
            number += 1
            # A storage that cannot be reached is noticed, and told, by what waits for its answer.
            with suppress(Exception):
                self._sign(number)


def ask_again(study: "Study", trial: "FrozenTrial | Trial", *, was_lost: bool) -> bool:
    """Fail a running trial and queue it once more.

    Args:
        study: the study.
        trial: one that is running.
        was_lost: with its process. It counts as a try, of which there are three.

    Returns:
        Whether it is queued. It is not where another process has just done so.
    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        study.tell(trial.number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):  # ours no more
        return False
    tries = tries_of(trial) + was_lost
    if not trial.params or tries > MOST_TRIES:
        return False
    study.enqueue_trial(trial.params, user_attrs={_TRIES: tries, "retry_of": trial.number})
    return True


def tries_of(trial: "FrozenTrial | Trial") -> int:
    """For the how-manieth time a trial is tried."""
    return int(trial.user_attrs.get(_TRIES, 1))


def _machine() -> str | None:
    """Which machine, since when, and which container on it; None where that is not told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116
    except OSError:
        return None


def _born(pid: int) -> str | None:
    """When a process was started; None if there is none, or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _has_ended(sign: dict[str, Any]) -> bool:
    """Whether a process of this machine has ended."""
    machine = _machine()
    return (
        machine is not None
        and sign["machine"] == machine
        and sign["born"] is not None
        and _born(sign["pid"]) != sign["born"]
    )
