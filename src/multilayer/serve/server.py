"""The process: a socket, signals, and a graceful end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import uvicorn

from multilayer.errors import SettingsError, reason_of
from multilayer.serve.access_log import AccessLog, LogFormat
from multilayer.serve.application import Service
from multilayer.serve.gate import LOOPBACK
from multilayer.serve.limits import Limits
from multilayer.serve.measurements import Measurements
from multilayer.serve.models import Models
from multilayer.serve.protocol import LimitedProtocol

_SECONDS_OF_LISTENING_ON = 0.3  # once asked to stop: what is on its way is still answered
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 (compared with, not bound to)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: the address is in use, not this machine's, or not allowed.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"host {host!r} is not known: {reason_of(error)}") from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)  # asyncio sends at once if it knows of TCP
    try:
        if os.name != "nt":  # where it would let several servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        hints = {
            errno.EADDRINUSE: f"{host}:{port} is in use; choose another port (--port), or 0 for "
            "any that is free",
            errno.EACCES: f"port {port} is for the system alone; choose one from 1024 (--port)",
            errno.EADDRNOTAVAIL: f"host {host} is not an address of this machine (--host)",
        }
        raise SettingsError(
            hints.get(error.errno or 0, f"cannot listen at {host}: {reason_of(error)}")
        ) from None
    return listening


def address_of(listening: socket.socket, host: str) -> str:
    """Where a browser on this machine finds the server."""
    port = listening.getsockname()[1]
    name = "127.0.0.1" if host in _WILDCARDS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def allowed_hosts(host: str, given: Collection[str]) -> tuple[str, ...]:
    """The names that a Host header may have."""
    own = () if host in _WILDCARDS else (host,)
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
        loop = asyncio.get_running_loop()
        before = {}

        def take(number: int, act: Callable[..., None], *arguments: int) -> None:
            before[number] = signal.signal(
                number, lambda *_: loop.call_soon_threadsafe(act, *arguments)
            )

        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) != signal.SIG_IGN:  # as for a job in the background
                take(number, self._stop, number)
        if hasattr(signal, "SIGHUP"):  # Windows has none
            take(signal.SIGHUP, self._plan_loading)
        try:
            yield
        finally:
            for taken, handler in before.items():
                signal.signal(taken, handler or signal.SIG_DFL)

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
