"""What every request and connection passes: the Host and Origin that it names, and the token."""

import hmac
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multilayer.serve.gate import LOOPBACK, SECURITY_HEADERS, host_of, refuse

_WRONG_HOST = "the playground answers on this machine alone, by the names 127.0.0.1 and localhost"
_WRONG_ORIGIN = "another page may not use the playground"
_WRONG_ADDRESS = (
    "this address lacks the playground's token: open the address that "
    "`multilayer playground` printed"
)


class Guard:
    """Wraps an application: nobody gets to it but a page of its own, opened with the token.

    Args:
        app: sees paths without the token before them.
        token: what every path begins with.
        port: that the server listens at.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        names = (f"[{name}]" if ":" in name else name for name in LOOPBACK)
        self._origins = {f"http://{name}:{port}" for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = self._reason_to_refuse(scope)
        is_http = scope["type"] == "http"

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        if reason is None:
            path = "/" + scope["path"].removeprefix("/").partition("/")[2]
            inner = {**scope, "path": path, "raw_path": path.encode()}
            await self._app(inner, receive, send_on if is_http else send)
        elif is_http:
            await refuse(send_on, 421 if reason == _WRONG_HOST else 403, reason)
        else:  # before it is accepted, which the server answers with 403
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})

    def _reason_to_refuse(self, scope: Scope) -> str | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or host_of(hosts[0]) not in LOOPBACK:
            return _WRONG_HOST
        origins = _values(scope, b"origin")
        is_own = all(origin in self._origins for origin in origins)
        if not is_own or (scope["type"] == "websocket" and len(origins) != 1):
            return _WRONG_ORIGIN
        given = scope["path"].removeprefix("/").partition("/")[0]
        return None if hmac.compare_digest(given.encode(), self._token) else _WRONG_ADDRESS


def _values(scope: Mapping[str, list[tuple[bytes, bytes]]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]
