"""The playground's process: a server that ends at once when it is asked to."""

import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from multilayer.playground.application import Playground
from multilayer.playground.messages import MOST_MESSAGE_BYTES
from multilayer.serve.limits import Limits
from multilayer.serve.protocol import LimitedProtocol
from multilayer.serve.signals import ENDING, HANGING_UP, signals_in_loop


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
        ending = [one for one in (*ENDING, *HANGING_UP) if signal.getsignal(one) != signal.SIG_IGN]
        with signals_in_loop(dict.fromkeys(ending, self._stop)):
            yield

    def _stop(self) -> None:
        self.should_exit = self.force_exit = True
