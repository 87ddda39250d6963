"""Contenders in processes of their own, told when to train.

A process is started and warmed up, then waits for its turns, so that the contenders can be timed
in rounds: what slows the machine down for a while slows all of them down.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import ROOT, clean_environment, python_of

from multilayer.proofs.bench_cases import BenchCase

# Which environment each contender runs in; contender.py finds it there by its name.
CONTENDERS = {
    "floor": "torch",
    "engine": "torch",
    "JAX scan by hand": "jax",
    "compiled PyTorch": "torch",
    "eager PyTorch": "torch",
    "the book's Trainer": "torch",
    "Keras on JAX": "jax",
    "DataLoader loop": "torch",
    "scikit-learn": "torch",
    "skorch": "torch",
    "Lightning": "torch",
}


@dataclass
class Outcome:
    """What became of one contender at one case.

    Attributes:
        step_seconds: time of a training step in each round.
        accuracy: on the rows it was trained on; None for what does not learn.
        peak_megabytes: largest resident memory of its process.
    """

    step_seconds: list[float] = field(default_factory=list)
    accuracy: float | None = None
    peak_megabytes: float = 0.0

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.step_seconds)


class Worker:
    """One contender at one case, in a process of its own.

    Args:
        contender: a key of `CONTENDERS`.
        case: what to train.
        num_members: networks in the population; for the engine alone.
        num_threads: that its libraries are held to; None leaves it to them.
    """

    def __init__(
        self,
        contender: str,
        case: BenchCase,
        num_members: int = 1,
        num_threads: int | None = None,
    ) -> None:
        self.name, self.case, self.outcome = contender, case, Outcome()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in __exit__)
        environment = CONTENDERS[contender]
        job = {
            "contender": contender,
            "module": f"contenders_{environment}",
            "case": asdict(case),
            "num_members": num_members,
        }
        limits = {"OMP_NUM_THREADS": str(num_threads)} if num_threads else {}
        self._process = subprocess.Popen(
            [python_of(environment), Path(__file__).with_name("contender.py"), json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=clean_environment(PYTHONPATH=str(ROOT / "src"), **limits),
            text=True,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def warm_up(self, seconds: float) -> None:
        """Let it find out how many epochs take so long."""
        self._num_epochs = self._ask({"warm_up": seconds})["num_epochs"]

    def begin_turn(self) -> None:
        """Let it train, without waiting for it."""
        self._send({"train": self._num_epochs})

    def end_turn(self) -> None:
        """Wait for it and note its time."""
        seconds = self._receive()["seconds"]
        self.outcome.step_seconds.append(seconds / (self._num_epochs * self.case.num_steps))

    def take_turn(self) -> None:
        """Let it train alone."""
        self.begin_turn()
        self.end_turn()

    def finish(self) -> None:
        """Ask what it has learned and used."""
        answer = self._ask({"finish": True})
        self.outcome.accuracy = answer["accuracy"]
        self.outcome.peak_megabytes = answer["peak_megabytes"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._send(request)
        return self._receive()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        return json.loads(line)

    def _fail(self) -> None:
        self._process.wait()
        self._errors.seek(0)
        sys.exit(f"{self._errors.read()}\nerror: {self.name} failed at {self.case}")


def measure(
    case: BenchCase, contenders: Sequence[str], num_repeats: int, seconds: float
) -> dict[str, Outcome]:
    """Time contenders at a case, in rounds.

    Args:
        case: what is trained.
        contenders: keys of `CONTENDERS`.
        num_repeats: rounds.
        seconds: that a turn lasts, or one epoch where that takes longer.
    """
    with ExitStack() as stack:
        workers = []
        for name in contenders:
            note(f"{case.name}, {name}: starts")
            worker = stack.enter_context(Worker(name, case))
            worker.warm_up(seconds)
            workers.append(worker)
        for number in range(num_repeats):
            note(f"{case.name}: round {number + 1} of {num_repeats}")
            for worker in workers:
                worker.take_turn()
        for worker in workers:
            worker.finish()
        return {worker.name: worker.outcome for worker in workers}


def note(text: str) -> None:
    """Say on stderr what is going on."""
    print(text, file=sys.stderr, flush=True)
