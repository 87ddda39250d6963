"""What every request passes: the Host it names, its time, security headers, log and metrics."""

import json
import time
from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multilayer.serve.access_log import AccessLog
from multilayer.serve.measurements import Measurements

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_HOST = "*"
_WRONG_HOST = "this server does not answer for that Host; see --allow-host"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
# Probes ask with the address of the machine; these say nothing but that the server is there.
_FOR_ANY_HOST = ("/v2/health/live", "/v2/health/ready")


class Gate:
    """Wraps an application.

    Args:
        app: the application.
        allowed_hosts: names that a Host header may have, without a port; "*": any.
        log: for a line a request.
        measurements: for the metrics.

    Attributes:
        is_stopping: Whether connections are closed with the next answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Collection[str],
        log: AccessLog,
        measurements: Measurements,
    ) -> None:
        self._app, self._log, self._measurements = app, log, measurements
        self._hosts = {host.lower().strip("[]") for host in allowed_hosts}
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, num_bytes = 0, 0

        async def send_on(message: Message) -> None:
            nonlocal status, num_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
                if self.is_stopping or status in (408, 413):
                    message["headers"].append((b"connection", b"close"))
            else:
                num_bytes += len(message.get("body", b""))
            await send(message)

        try:
            if self._is_allowed(scope):
                await self._app(scope, receive, send_on)
            else:
                await refuse(send_on, 421, _WRONG_HOST)
        finally:
            self._note(scope, status or 499, time.perf_counter() - began, num_bytes)

    def _is_allowed(self, scope: Scope) -> bool:
        if ANY_HOST in self._hosts or scope["path"] in _FOR_ANY_HOST:
            return True
        named = [value for name, value in scope["headers"] if name == b"host"]
        return len(named) == 1 and host_of(named[0].decode("latin-1")) in self._hosts

    def _note(self, scope: Scope, status: int, seconds: float, num_bytes: int) -> None:
        """Log and count; 499: the one who asked went away before the answer."""
        found: dict[str, Any] = scope.get("multilayer", {})
        route = found.pop("route", "other")
        more = {**found, "bytes": num_bytes}
        client = scope.get("client") or ("", 0)
        self._measurements.requests.add(route=route, status=str(status))
        self._measurements.seconds.observe(seconds, route=route)
        if status >= 400:
            self._measurements.refusals.add(status=str(status))
        self._log.request(
            client=client[0],
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=seconds,
            **more,
        )


def host_of(header: str) -> str:
    """The name in a Host header, in lower case, without port and brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0] if header.count(":") <= 1 else header


async def refuse(send: Send, status: int, reason: str) -> None:
    """Answer with the reason alone."""
    body = json.dumps({"error": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
