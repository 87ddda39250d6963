"""Calls functions in a fresh process, for a forked one that lacks threads; see `forked`.

The process is started at the first call and ends with the one that called. Both are of one program,
so that what goes between them through pipes may be pickled.
"""

import contextlib
import functools
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, ParamSpec, TypeVar

from multilayer.errors import ForkedProcessError
from multilayer.forked import lacks_polars_threads

P = ParamSpec("P")
R = TypeVar("R")

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from multilayer.fresh_process import serve; serve({requests}, {answers})"
)
# Workers that were forked share the cores among themselves.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


class FreshProcess:
    """A process that was not forked, which calls functions one after the other."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pipes: tuple[BinaryIO, BinaryIO] | None = None  # requests and answers
        self._pid = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What a function gives, called there; its warnings and errors come here.

        Args:
            function: of a module, or a method.
            arguments: for it, all of which can be pickled.
            named: likewise.

        Raises:
            ForkedProcessError: the arguments cannot be sent, or the process has ended.
        """
        try:
            request = pickle.dumps((_folder(), function, arguments, named))
        except Exception as error:
            _refuse(f"what it is given cannot be sent there: {error}", error)
        with self._turn:
            if self._pipes is None:
                self._pid, to_it, from_it = _start()
                self._pipes = to_it, from_it
            requests, answers = self._pipes
            try:
                pickle.dump(request, requests)
                requests.flush()
                warned, value, failure = pickle.load(answers)  # noqa: S301 (ours)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self._pipes = None
                _refuse("that process has ended", error)
        for message, category in warned:
            warnings.warn(message, category, stacklevel=3)
        if failure is not None:
            raise failure
        return value

    def close(self) -> None:
        """End the process once it has nothing to do; another call starts another one."""
        with self._turn:
            pipes, self._pipes = self._pipes, None
            for pipe in pipes or ():
                with contextlib.suppress(OSError):
                    pipe.close()
            if pipes is not None:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self._pid, 0)

    def _forget(self) -> None:
        """In a fork of this process: the process and the lock are of the other one."""
        pipes, self._pipes, self._turn = self._pipes, None, threading.Lock()
        for pipe in pipes or ():
            with contextlib.suppress(OSError, ValueError):
                os.close(pipe.fileno())


def _folder() -> str | None:
    """The working directory, by which paths are meant; None: it has been removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def _refuse(why: str, cause: BaseException) -> NoReturn:
    raise ForkedProcessError(
        "this process was forked from one that had started threads, so that a fresh process must "
        f"do this, and {why}; start processes by 'spawn' or 'forkserver' "
        "(multiprocessing.get_context), or fork before any table is used"
    ) from cause


def _start() -> tuple[int, BinaryIO, BinaryIO]:
    request_end, requests = os.pipe()
    answers, answer_end = os.pipe()
    program = _PROGRAM.format(path=sys.path, requests=request_end, answers=answer_end)
    process = subprocess.Popen(  # noqa: S603 (this program)
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        pass_fds=(request_end, answer_end),
        env={**_ENVIRONMENT, **os.environ},
    )
    process.returncode = 0  # nobody waits for it: it ends when the pipe of requests is closed
    os.close(request_end)
    os.close(answer_end)
    return process.pid, os.fdopen(requests, "wb"), os.fdopen(answers, "rb")


def serve(requests: int, answers: int) -> None:
    """Call functions until nobody asks any more; the arguments are descriptors of pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when this ends
    with os.fdopen(requests, "rb") as source, os.fdopen(answers, "wb") as sink:
        while True:
            try:
                request = pickle.load(source)  # noqa: S301 (ours)
            except EOFError:
                return
            value = failure = None
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    folder, function, arguments, named = pickle.loads(request)  # noqa: S301 (ours)
                    if folder is not None:
                        os.chdir(folder)
                    value = function(*arguments, **named)
                except Exception as error:
                    failure = error
            warned = [(str(warning.message), warning.category) for warning in caught]
            with contextlib.suppress(BrokenPipeError):
                sink.write(_pickled(warned, value, failure))
                sink.flush()


def _pickled(warned: list[Any], value: Any, failure: Exception | None) -> bytes:
    try:
        content = pickle.dumps((warned, value, failure))
        pickle.loads(content)  # noqa: S301 (an error may be pickled and not be made again)
    except Exception:
        what = f"{type(failure).__name__}: {failure}" if failure else "its result cannot be sent"
        content = pickle.dumps((warned, None, ForkedProcessError(what)))
    return content


fresh_process = FreshProcess()


def elsewhere_after_fork(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function of a module run in the fresh process, where threads are lacking here.

    What it gives is sent back; arguments that it changes are not.
    """

    @functools.wraps(function)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        if not lacks_polars_threads():
            return function(*arguments, **named)
        result: R = fresh_process.call(run, *arguments, **named)
        return result

    return run
