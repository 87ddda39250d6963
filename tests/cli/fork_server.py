"""A process with everything loaded, which runs the real command line in forks of itself.

A request is a line of JSON on the standard input: arguments, the folder to run in, a file for the
output, and after how many seconds the command is killed, or null. The answer is a line: the exit
code (-9: it was killed) and the seconds that it lived. Starting up is so paid once.
"""

import importlib
import json
import os
import select
import signal
import sys
import time

from multilayer.cli import main

LOADED = (
    "multilayer.cli.application",
    "matplotlib.pyplot", "polars", "multilayer.runs.image_run", "multilayer.runs.table_run",
    "multilayer.model.image_model", "multilayer.drawing.live", "multilayer.drawing.pictures",
)  # fmt: skip


def serve() -> None:
    for name in LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        request, began = json.loads(line), time.perf_counter()
        child = os.fork()
        if child == 0:
            output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(request["folder"])
            main(request["arguments"])
        if not has_ended_within(child, request["seconds"]):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        answer = [os.waitstatus_to_exitcode(status), time.perf_counter() - began]
        print(json.dumps(answer), flush=True)


def has_ended_within(child: int, seconds: float | None) -> bool:
    """Whether a child has ended after so many seconds; it is still to be waited for."""
    descriptor = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        return bool(ready)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    serve()
