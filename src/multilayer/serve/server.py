"""The process: a socket, signals, and a graceful end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import uvicorn

from multilayer.serve.access_log import AccessLog, LogFormat
from multilayer.serve.application import Service
from multilayer.serve.gate import LOOPBACK
from multilayer.serve.limits import Limits
from multilayer.serve.listening import WILDCARDS
from multilayer.serve.measurements import Measurements
from multilayer.serve.models import Models
from multilayer.serve.protocol import LimitedProtocol
from multilayer.serve.signals import ENDING, HANGING_UP, signals_in_loop

_SECONDS_OF_LISTENING_ON = 0.3  # once asked to stop: what is on its way is still answered


def allowed_hosts(host: str, given: Collection[str]) -> tuple[str, ...]:
    """The names that a Host header may have."""
    own = () if host in WILDCARDS else (host,)
    return (*LOOPBACK, *own, *given)


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT; SIGHUP loads the models anew.

    Args:
        models: that answer.
        limits: of requests.
        hosts: names that a Host header may have.
        log_format: of the log.
    """

    def __init__(
        self, models: Models, limits: Limits, hosts: Collection[str], log_format: LogFormat
    ) -> None:
        self._models = models
        self._loader = ThreadPoolExecutor(1, "load")
        self._log = AccessLog(log_format)
        self._measurements = Measurements()
        for served in models.all():
            self._measurements.served(served)
        self._service = Service(models, limits, self._log, self._measurements, hosts)
        refuse = partial(self._measurements.refusals.add, status="503")
        protocol = type(
            "Protocol",
            (LimitedProtocol,),
            {"limits": limits, "count_refusal": staticmethod(refuse)},
        )
        super().__init__(
            uvicorn.Config(
                self._service.application,
                http=protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=max(1, round(limits.idle_seconds)),
                timeout_graceful_shutdown=max(1, round(limits.stop_seconds)),
            )
        )

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until a signal ends it."""
        self.run(sockets=[listening])
        self._log.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals in the event loop."""
        acts = {number: partial(self._stop, number) for number in ENDING}
        with signals_in_loop(acts | dict.fromkeys(HANGING_UP, self._plan_loading)):
            yield

    def _stop(self, number: int) -> None:
        if self.should_exit:
            self.force_exit = True
            return
        name = signal.Signals(number).name
        self._log.event("stop", f"{name}: what was accepted is answered, then the server ends")
        self._service.stop()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is on its way, and end."""
        await asyncio.sleep(_SECONDS_OF_LISTENING_ON)
        await super().shutdown(sockets)

    def _plan_loading(self) -> None:
        self._loader.submit(self._load_anew)

    def _load_anew(self) -> None:
        loop = self._loop
        for name, served, message in self._models.load_anew():
            self._measurements.loads.add(model=name, outcome="failed" if served is None else "ok")
            if served is not None:
                self._measurements.served(served)
            loop.call_soon_threadsafe(self._log.event, "load", message)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take requests."""
        self._loop = asyncio.get_running_loop()
        self._log.start()
        await super().startup(sockets)
        self._log.event("start", "ready for requests")
