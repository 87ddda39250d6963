"""The playground's process: a server that ends at once when it is asked to."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from multilayer.playground.application import Playground
from multilayer.playground.messages import MOST_MESSAGE_BYTES
from multilayer.serve.limits import Limits
from multilayer.serve.protocol import LimitedProtocol

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PlaygroundServer(uvicorn.Server):
    """Serves pages until SIGINT, SIGTERM or SIGHUP.

    Args:
        playground: the pages.
    """

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        members = {"limits": Limits(), "count_refusal": staticmethod(lambda: None)}
        super().__init__(
            uvicorn.Config(
                playground.application,
                http=type("Protocol", (LimitedProtocol,), members),
                ws="websockets-sansio",
                ws_max_size=MOST_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until a signal ends it; nothing goes on training after that."""
        try:
            self.run(sockets=[listening])
        finally:
            self._playground.end()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals in the event loop."""
        loop = asyncio.get_running_loop()
        taken = [one for one in _ENDING if signal.getsignal(one) != signal.SIG_IGN]
        for number in taken:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = self.force_exit = True
