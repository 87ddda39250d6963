"""A line for each request, written beside the event loop."""

import asyncio
import json
import logging
import sys
import threading
import time
from contextlib import suppress
from typing import Any, Literal

from multilayer.errors import escaped

LogFormat = Literal["json", "text"]
_SECONDS_BETWEEN = 0.05
_MOST_LINES = 10_000
_LONGEST_TEXT = 200


class AccessLog(logging.Handler):
    """Writes to the standard error; a reader that does not read loses lines, and holds nobody up.

    Args:
        log_format: "json", one object a line, or "text".
    """

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__(logging.WARNING)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._format = log_format
        self._lines: list[str] = []
        self._num_lost = 0
        self._is_planned = False
        self._writing = threading.Lock()

    def request(
        self, *, client: str, method: str, path: str, status: int, seconds: float, **more: Any
    ) -> None:
        """Log a request that was answered; to be called in the event loop."""
        self._add(
            {
                "event": "request", "client": client, "method": method[:_LONGEST_TEXT],
                "path": path[:_LONGEST_TEXT], "status": status, "ms": round(1000 * seconds, 3),
                **more,
            },
            f'{client} "{method} {path[:_LONGEST_TEXT]}" {status} {1000 * seconds:.1f} ms'
            + "".join(f", {name} {value}" for name, value in more.items()),
        )  # fmt: skip

    def event(self, name: str, message: str) -> None:
        """Log what happened to the server."""
        self._add({"event": name, "message": message}, message)

    def emit(self, record: logging.LogRecord) -> None:
        """Take what a library logs, of any thread."""
        if self._loop is not None and not self._loop.is_closed():
            text = logging.Formatter().format(record)
            self._loop.call_soon_threadsafe(self.event, record.levelname.lower(), text)

    def start(self) -> None:
        """Take what libraries log in place of their own output; to be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        for name in ("uvicorn", "multilayer.serve"):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self], False

    def flush(self) -> None:
        """Write what is left."""
        lines, self._lines, self._is_planned = self._lines, [], False
        lost, self._num_lost = self._num_lost, 0
        if lost:
            lines.append(self._line({"event": "log", "lost": lost}, f"{lost} lines are lost"))
        with self._writing, suppress(OSError, ValueError):  # nobody reads any more
            sys.stderr.write("".join(lines))
            sys.stderr.flush()

    def _add(self, document: dict[str, Any], text: str) -> None:
        if len(self._lines) >= _MOST_LINES:
            self._num_lost += 1
            return
        self._lines.append(self._line(document, text))
        if not self._is_planned:
            self._is_planned = True
            loop = asyncio.get_running_loop()
            loop.call_later(_SECONDS_BETWEEN, self._plan_writing, loop)

    def _plan_writing(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._writing.locked():  # the reader is slow
            loop.call_later(_SECONDS_BETWEEN, self._plan_writing, loop)
            return
        loop.run_in_executor(None, self.flush)

    def _line(self, document: dict[str, Any], text: str) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time() % 1:.3f}"[2:] + "Z"
        if self._format == "text":
            return f"{at} {escaped(text)}\n"
        return json.dumps({"time": at, **document}) + "\n"
