"""The four jobs that the benchmarks time, rows to do them on, and the clock.

Needs NumPy alone, so that contenders without PyTorch can be given the same jobs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import SettingsError, did_you_mean


@dataclass(frozen=True)
class BenchCase:
    """A network and how it is trained; ReLU between its layers, cross entropy at its end.

    Args:
        name: what the case is called.
        widths: from the inputs to the classes.
        optimizer: "sgd" or "adam".
        learning_rate: of the optimiser.
        batch_size: rows in a step.
        num_steps: steps in an epoch; every batch is full.
    """

    name: str
    widths: tuple[int, ...]
    optimizer: str
    learning_rate: float
    batch_size: int
    num_steps: int

    @property
    def title(self) -> str:
        """Name and network, such as S: 784-256-10."""
        return f"{self.name}: {'-'.join(map(str, self.widths))}"

    def __str__(self) -> str:
        return f"{self.title}, {self.optimizer}, batches of {self.batch_size}"

    def examples(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Rows that can be learned, the same ones each time.

        Speed does not depend on the values, so they are drawn: inputs from N(0, 1), and for each
        row the class whose direction in input space, drawn likewise, it points to most.

        Returns:
            Inputs (num_steps × batch_size, widths[0]) and classes, one for each row.
        """
        source = np.random.default_rng(0)
        num_rows = self.num_steps * self.batch_size
        inputs = source.standard_normal((num_rows, self.widths[0]), dtype=np.float32)
        directions = source.standard_normal((self.widths[0], self.widths[-1]), dtype=np.float32)
        return inputs, np.argmax(inputs @ directions, axis=1)


@dataclass(frozen=True)
class Contender:
    """Something that trains a case's network.

    Args:
        train: goes on for a number of epochs.
        predict: inputs to classes; None for what does not learn.
    """

    train: Callable[[int], object]
    predict: Callable[[NDArray[Any]], NDArray[Any]] | None = None

    def seconds(self, num_epochs: int) -> float:
        """Time of so many epochs more."""
        began = time.perf_counter()
        self.train(num_epochs)
        return time.perf_counter() - began

    def warm_up(self, seconds: float) -> int:
        """Train until the time of an epoch is steady; how many epochs take `seconds`, at least 1.

        The first epoch, in which buffers are made and code is compiled, counts for nothing.
        """
        self.train(1)
        num_epochs = 1
        while (took := self.seconds(num_epochs)) < seconds / 4:
            num_epochs *= 2
        return max(1, round(num_epochs * seconds / took))


CASES: dict[str, BenchCase] = {
    case.name: case
    for case in (
        BenchCase("S", (784, 256, 10), "sgd", 0.1, 256, num_steps=60),
        BenchCase("L", (784, 1024, 1024, 10), "adam", 0.001, 512, num_steps=12),
        BenchCase("T", (20, 128, 128, 2), "adam", 0.001, 200, num_steps=100),
        BenchCase("D", (64, 64, 10), "adam", 0.001, 32, num_steps=60),
    )
}


def cases_named(names: Sequence[str]) -> list[BenchCase]:
    """The cases with these names, in this order.

    Raises:
        SettingsError: a name is none of `CASES`, or there is no name at all.
    """
    return [CASES[name] for name in known_names("case", names, CASES)]


def known_names(kind: str, names: Sequence[str], known: dict[str, Any]) -> list[str]:
    """The names, each once, if all are known.

    Raises:
        SettingsError: one is not, or there is none.
    """
    for name in names:
        if name not in known:
            raise SettingsError(
                f"unknown {kind} {name!r}; known are: {', '.join(known)}{did_you_mean(name, known)}"
            )
    if not names:
        raise SettingsError(f"{kind}s must name at least one; known are: {', '.join(known)}")
    return list(dict.fromkeys(names))
