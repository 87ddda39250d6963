"""A process with everything loaded, which runs programs and the command line in forks of itself.

Each fork is a process of its own, with its own streams, folder, environment and exit code; starting
up is paid once. What is about starting up itself needs another process. The fixtures that stand on
it are in conftest.py.
"""

import atexit
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

LOADED = (
    "multilayer.cli.application",
    "matplotlib.pyplot", "optuna", "polars", "sklearn.datasets", "sqlalchemy", "torch",
    "multilayer.runs.earlier_runs", "multilayer.runs.run", "multilayer.fit.large_table",
    "multilayer.model.model", "multilayer.model.model_file",
    "multilayer.drawing.live", "multilayer.drawing.pictures",
    "multilayer.experiments.study", "multilayer.experiments.tune.search",
)  # fmt: skip
_MOST_BYTES = 1 << 20  # of a request


class Forked:
    """A running fork, which is used as `subprocess.Popen` is.

    Args:
        status: the end of a pipe that gives its pid and, once it has ended, its exit code.
        ends: our ends of its standard input, output and error; None where that is no pipe.
    """

    def __init__(self, status: int, ends: list[int | None]) -> None:
        self._status = os.fdopen(status)
        self.pid = int(self._status.readline())
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self.stdin, self.stdout, self.stderr = (
            end if end is None else os.fdopen(end, mode, encoding="utf-8")
            for end, mode in zip(ends, "wrr", strict=True)
        )

    def wait(self, timeout: float | None = None) -> int:
        with self._lock:
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("a fork", timeout or 0)
                self.returncode = int(self._status.readline())
            return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read both streams to their ends, and wait."""
        if self.stdin is not None:
            self.stdin.close()
        said = {}

        def read(name: str) -> None:
            stream = getattr(self, name)
            said[name] = "" if stream is None or stream.closed else stream.read()

        threads = [threading.Thread(target=read, args=[name]) for name in ("stdout", "stderr")]
        for thread in threads:
            thread.start()
        is_late = False
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            is_late = True
            self.kill()
        finally:
            for thread in threads:
                thread.join()
        if is_late:
            raise subprocess.TimeoutExpired(f"a fork that said {said['stderr']}", timeout or 0)
        return said["stdout"], said["stderr"]

    def close(self) -> None:
        """Kill it if it still runs."""
        self.kill()
        self.wait()
        for stream in (self._status, self.stdin, self.stdout, self.stderr):
            if stream is not None and not stream.closed:
                stream.close()

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *error: object) -> None:
        self.wait()
        self.close()


class ForkServer:
    """The process, seen from the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            # As the command sets it before it loads PyTorch; a fork finds it loaded.
            env={**os.environ, "TORCH_CPP_LOG_LEVEL": "FATAL"},
        )
        theirs.close()

    def start(
        self, program: str, *arguments: str | Path, cwd: str | Path | None = None,
        env: dict[str, str] | None = None, streams: tuple[int | None, int | None, int | None],
    ) -> Forked:  # fmt: skip
        """Run a program in a fork.

        Args:
            program: its Python code.
            arguments: `sys.argv`, the program's name first.
            cwd: where; else here.
            env: its environment; else ours.
            streams: descriptors for its standard input, output and error; None for a pipe.
        """
        theirs: list[int] = []
        ours: list[int | None] = []
        pipes = [os.pipe() if given is None else None for given in streams]
        for number, (given, pipe) in enumerate(zip(streams, pipes, strict=True)):
            read_end, write_end = pipe or (given, given)
            theirs.append(write_end if number else read_end)
            ours.append(None if pipe is None else read_end if number else write_end)
        status, their_status = os.pipe()
        request = {
            "program": program, "arguments": [os.fspath(word) for word in arguments],
            "folder": os.fspath(Path(cwd or ".").absolute()),
            "environment": dict(os.environ if env is None else env),
        }  # fmt: skip
        message = json.dumps(request).encode()
        assert len(message) < _MOST_BYTES
        socket.send_fds(self._socket, [message], [*theirs, their_status])
        for descriptor in (their_status, *(end for end, pipe in zip(theirs, pipes) if pipe)):  # noqa: B905
            os.close(descriptor)
        return Forked(status, ours)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def serve(connection: socket.socket) -> Callable[[], Any] | None:
    """Answer requests until the tests end; what a fork has to do, in the fork."""
    running: dict[int, tuple[int, int]] = {}  # pid and the status's pipe, by pidfd
    while True:
        ready, _, _ = select.select([connection, *running], [], [])
        for one in ready:
            if one is not connection:
                pid, status = running.pop(one)
                _, code = os.waitpid(pid, 0)
                _tell(status, os.waitstatus_to_exitcode(code))
                os.close(status)
                os.close(one)
        if connection not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, 4)
        if not message:
            for pid, _ in running.values():
                os.kill(pid, signal.SIGKILL)
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there may be threads
            child = os.fork()
        if child == 0:
            unwanted = [connection.detach(), descriptors.pop(), *running]
            for descriptor in [*unwanted, *(status for _, status in running.values())]:
                os.close(descriptor)
            return _settled(json.loads(message), descriptors)
        for descriptor in descriptors[:3]:
            os.close(descriptor)
        running[os.pidfd_open(child)] = child, descriptors[3]
        _tell(descriptors[3], child)


def _tell(status: int, number: int) -> None:
    os.write(status, f"{number}\n".encode())


def _settled(request: dict[str, Any], descriptors: list[int]) -> Callable[[], Any]:
    """Take up a request's streams, folder and environment; what is then to be done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        stream = io.TextIOWrapper(
            open(number, "rb" if number == 0 else "wb", closefd=False),  # noqa: SIM115
            encoding=old.encoding, errors=old.errors,
            line_buffering=number == 2 or os.isatty(number),
        )  # fmt: skip
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv[:] = request["arguments"]
    program = compile(request["program"], "<string>", "exec")
    return lambda: exec(program, {"__name__": "__main__"})


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # what is looked through is copied
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        work = serve(connection)
    if work is not None:
        end(work)


def end(work: Callable[[], Any]) -> NoReturn:
    """Do it, and end as a process ends, but for freeing all that is loaded one by one."""
    code = 0
    try:
        work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
