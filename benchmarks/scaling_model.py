"""What a step of training in several processes takes, as a sum of parts that are measured apart.

    seconds of a step = step(rows of a process, parameters) + rows read and shuffled + all-reduce

The parts follow each other in the code, so that they add up. The all-reduce is a ring: of n
processes each sends 2 (n − 1) pieces of 1/n of the bytes, one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

BYTES_BESIDE = 8  # of the loss of a member and the wish to stop


def fitted(columns: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """Coefficients, none below 0, whose sums have the least relative errors."""
    times = np.array(seconds)
    matrix = np.array(columns).T / times[:, None]
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1
    found, _ = nnls(matrix / scale, np.ones(len(times)))
    return (found / scale).tolist()


@dataclass(frozen=True)
class StepCost:
    """Seconds of a step: a + b parameters + rows (c + d parameters)."""

    fixed: float
    of_parameter: float
    of_row: float
    of_both: float

    @classmethod
    def of(cls, found: Sequence[dict[str, Any]]) -> "StepCost":
        """Fitted to what `scaling_worker.steps` found."""
        rows = [case["rows"] for case in found]
        parameters = [case["parameters"] for case in found]
        both = [row * number for row, number in zip(rows, parameters, strict=True)]
        columns = [[1.0] * len(rows), parameters, rows, both]
        return cls(*fitted(columns, [case["seconds"] for case in found]))

    def seconds(self, rows: float, parameters: int) -> float:
        """Of a step over so many rows."""
        fixed = self.fixed + self.of_parameter * parameters
        return fixed + rows * (self.of_row + self.of_both * parameters)


@dataclass(frozen=True)
class Link:
    """What joins the processes.

    Attributes:
        hop_seconds: of a piece, however small.
        bytes_a_second: of the pieces.
        is_tree: whether the bytes go in 2 log₂ n hops, by recursive halving, in place of a ring.
    """

    hop_seconds: float
    bytes_a_second: float
    is_tree: bool = False

    @classmethod
    def of(cls, num_processes: int, found: Sequence[dict[str, Any]]) -> "Link":
        """Fitted to what `scaling_worker.exchange` found."""
        hops = float(2 * (num_processes - 1))
        sent = [hops / num_processes * case["bytes"] for case in found]
        columns = [[hops] * len(sent), sent]
        hop_seconds, of_byte = fitted(columns, [case["seconds"] for case in found])
        return cls(hop_seconds, 1 / max(of_byte, 1e-15))

    def seconds(self, num_processes: int, num_bytes: float) -> float:
        """Of an all-reduce."""
        if num_processes == 1:
            return 0.0
        hops = 2 * (num_processes - 1)
        sent = hops / num_processes * num_bytes
        if self.is_tree:
            hops = 2 * int(np.ceil(np.log2(num_processes)))
        return hops * self.hop_seconds + sent / self.bytes_a_second


@dataclass(frozen=True)
class ReadingCost:
    """Seconds of a row of the batch: a for each process, b divided among all.

    Each process draws the order of all rows, and reads and gathers its own.
    """

    of_order: float
    of_own: float

    @classmethod
    def of(cls, num_rows: int, found: Sequence[dict[str, Any]]) -> "ReadingCost":
        """Fitted to what `scaling_worker.order` found."""
        columns = [[num_rows] * len(found), [num_rows / case["processes"] for case in found]]
        return cls(*fitted(columns, [case["seconds"] for case in found]))

    def seconds(self, rows: float, num_processes: int) -> float:
        """Of the rows of a batch."""
        return rows * (self.of_order + self.of_own / num_processes)


@dataclass(frozen=True)
class Parts:
    """The parts of a step, in seconds."""

    step: float
    reading: float
    exchange: float
    is_overlapped: bool = False

    @property
    def seconds(self) -> float:
        """Of the whole; overlapped, the exchange hides behind the step as far as it can."""
        if self.is_overlapped:
            return max(self.step, self.exchange) + self.reading
        return self.step + self.reading + self.exchange

    @property
    def bound(self) -> str:
        """The part that takes longest."""
        names = {"step": self.step, "reading": self.reading, "all-reduce": self.exchange}
        return max(names, key=lambda name: names[name])


@dataclass(frozen=True)
class Job:
    """Processes that train together.

    Attributes:
        step: of a process while the others of its machine work too.
        reading: likewise.
        link: between the processes.
        num_processes: in all.
        crowd: how many processes share a core.
        bytes_of_a_gradient: of each parameter, as it is sent.
        is_overlapped: whether the exchange goes on beside the backward pass.
    """

    step: StepCost
    reading: ReadingCost
    link: Link
    num_processes: int
    crowd: float = 1.0
    bytes_of_a_gradient: int = 4
    is_overlapped: bool = False

    def parts(self, batch_size: int, parameters: int) -> Parts:
        """Of a step over a batch that the processes divide."""
        num_bytes = self.bytes_of_a_gradient * parameters + BYTES_BESIDE
        return Parts(
            self.step.seconds(batch_size / self.num_processes, parameters),
            self.crowd * self.reading.seconds(batch_size, self.num_processes),
            self.link.seconds(self.num_processes, num_bytes),
            self.is_overlapped,
        )

    def rows_a_second(self, batch_size: int, parameters: int) -> float:
        """Of all processes together."""
        return batch_size / self.parts(batch_size, parameters).seconds


CHANGES = {
    "as it is": lambda job: job,
    "all-reduce beside the backward pass, at best": lambda job: replace(job, is_overlapped=True),
    "gradients in 16 bits": lambda job: replace(job, bytes_of_a_gradient=2),
    "recursive halving in place of the ring": lambda job: replace(
        job, link=replace(job.link, is_tree=True)
    ),
    "each process draws the order of its own rows alone": lambda job: replace(
        job, reading=replace(job.reading, of_order=0.0)
    ),
}
