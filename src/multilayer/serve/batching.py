"""Requests that wait for the one thread that answers, and are answered together where they can."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from multilayer.errors import MultilayerError
from multilayer.serve.answers import Answered, NotAlikeError, answer
from multilayer.serve.limits import Limits
from multilayer.serve.questions import Rows
from multilayer.serve.refusals import busy
from multilayer.serve.served_model import ServedModel

_LOG = logging.getLogger("multilayer.serve")
_MOST_JOINED = 64
_MOST_BYTES_JOINED = 1_000_000
_MOST_VALUES_JOINED = 2**22


@dataclass(eq=False)
class Job:
    """A request that waits.

    Args:
        served: the model that is asked.
        read: makes rows of its body.
        write: makes what is sent of the answers.
        num_bytes: of its body.
        coverage: of intervals or sets; None: without.
    """

    served: ServedModel
    read: Callable[[], Rows]
    write: Callable[[Rows, Answered], Any]
    num_bytes: int
    coverage: float | None = None
    outcome: "asyncio.Future[Any]" = field(init=False)
    rows: Rows = field(init=False)


class Batcher:
    """Answers jobs in a thread of its own.

    Args:
        limits: how many may wait, and how many rows are answered together.
        observe: is told of each request that was answered, in the thread, after it was.
    """

    def __init__(self, limits: Limits, observe: Callable[[Job, Answered], None]) -> None:
        self._limits, self._observe = limits, observe
        self._waiting: deque[Job] = deque()
        self._is_ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)

    def start(self) -> None:
        """Start the thread; to be called in the event loop that submits."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    @property
    def num_waiting(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    async def submit(self, job: Job) -> Any:
        """Wait for what the job's `write` makes.

        Raises:
            RefusalError: too many wait already, or the job's own.
        """
        if len(self._waiting) >= self._limits.max_waiting:
            raise busy(f"{self._limits.max_waiting} requests wait already")
        job.outcome = self._loop.create_future()
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return await job.outcome

    def end(self) -> None:
        """Answer what waits, for as long as the limits allow, and end the thread."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(self._limits.stop_seconds)

    def _work(self) -> None:
        while jobs := self._next():
            try:
                self._answer(jobs)
            except BaseException as error:  # the thread must go on
                _LOG.exception("requests could not be answered")
                self._settle([(job, None, error) for job in jobs])

    def _next(self) -> list[Job]:
        with self._changed:
            while not self._waiting and not self._is_ending:
                self._changed.wait()
            jobs: list[Job] = []
            num_bytes = 0
            while self._waiting and len(jobs) < _MOST_JOINED:
                num_bytes += self._waiting[0].num_bytes
                if jobs and num_bytes > _MOST_BYTES_JOINED:
                    break
                jobs.append(self._waiting.popleft())
            return jobs

    def _answer(self, jobs: list[Job]) -> None:
        """Answer jobs, those of one model together."""
        together: dict[tuple[ServedModel, frozenset[str]], list[Job]] = {}
        for job in jobs:
            if job.outcome.cancelled():  # who asked has gone
                continue
            try:
                job.rows = job.read()
            except Exception as error:
                self._settle([(job, None, error)])
                continue
            together.setdefault((job.served, job.rows.as_numbers), []).append(job)
        for (served, _), of_model in together.items():
            for group in self._groups(served, of_model):
                self._answer_group(served, group)

    def _groups(self, served: ServedModel, jobs: list[Job]) -> list[list[Job]]:
        """Jobs whose rows are answered in one call."""
        most = max(
            1,
            min(self._limits.max_batch_rows, _MOST_VALUES_JOINED // served.model.encoder.row_width),
        )
        groups: list[list[Job]] = []
        num_rows = most
        for job in jobs:
            if job.rows.frame is not None or job.rows.num_rows > most:
                groups.insert(0, [job])
                continue
            if num_rows + job.rows.num_rows > most:
                groups.append([])
                num_rows = 0
            groups[-1].append(job)
            num_rows += job.rows.num_rows
        return groups

    def _answer_group(self, served: ServedModel, jobs: list[Job]) -> None:
        try:
            answers = answer(served, [job.rows for job in jobs], [job.coverage for job in jobs])
        except (MultilayerError, NotAlikeError) as error:
            if len(jobs) == 1:
                self._settle([(jobs[0], None, error)])
                return
            for job in jobs:  # one of them is wrong; the others are answered
                self._answer_group(served, [job])
            return
        except Exception as error:
            self._settle([(job, None, error) for job in jobs])
            return
        settled: list[tuple[Job, Any, BaseException | None]] = []
        for job, answered in zip(jobs, answers, strict=True):
            try:
                settled.append((job, job.write(job.rows, answered), None))
            except Exception as error:
                settled.append((job, None, error))
        self._settle(settled)
        for (job, _, failure), answered in zip(settled, answers, strict=True):
            if failure is None:
                self._observe(job, answered)

    def _settle(self, outcomes: list[tuple[Job, Any, BaseException | None]]) -> None:
        """Hand outcomes to the event loop."""

        def hand_out() -> None:
            for job, result, error in outcomes:
                if job.outcome.done():
                    continue
                if error is None:
                    job.outcome.set_result(result)
                else:
                    job.outcome.set_exception(error)

        self._loop.call_soon_threadsafe(hand_out)
