"""The addresses of the playground: its page, its words, and the connection of a page."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from multilayer.playground.guard import Guard
from multilayer.playground.messages import command_of, refusal
from multilayer.playground.session import COMPARISON_THREAD, SESSION_THREAD, Session
from multilayer.serve.page_files import PageFiles
from multilayer.serve.refusals import RefusalError

MOST_SESSIONS = 8
_MOST_UNSENT = 32  # messages that a page has not read; it is not listened to meanwhile
_SECONDS_BETWEEN_LOOKS = 0.01
_SECONDS_TO_END = 5.0
_TRY_AGAIN_LATER = 1013
_DRAWING = Path(__file__).parent.parent / "drawing" / "html" / "templates"


class Playground:
    """The page, and a session for each page that is open.

    Args:
        token: what every address begins with.
        port: that the server listens at.
        start: what the page begins with: "query", "language" and "table", a file's name or null.
        table: the file.

    Attributes:
        application: for an ASGI server.
    """

    def __init__(
        self, token: str, port: int, start: dict[str, Any], table: Path | None = None
    ) -> None:
        self._start, self._table = start, table
        self._files = PageFiles(
            Path(__file__).parent / "page", {"report.css": _DRAWING / "style.css"}
        )
        self._sessions: set[Session] = set()
        starlette = Starlette(
            routes=[
                Route("/", self._page),
                Route("/start.json", self._begin),
                Route("/status", self._status),
                Route("/{file}", self._file),
                WebSocketRoute("/session", self._converse),
            ],
            exception_handlers={RefusalError: _refused, HTTPException: _refused},
        )
        starlette.router.redirect_slashes = False
        self.application = Guard(starlette, token, port)

    def end(self) -> None:
        """End all sessions."""
        for session in self._sessions:
            session.end()
        for session in self._sessions:
            session.join(_SECONDS_TO_END)

    async def _page(self, _: Request) -> Response:
        return self._answer("index.html")

    async def _file(self, request: Request) -> Response:
        return self._answer(request.path_params["file"])

    def _answer(self, name: str) -> Response:
        content, media_type = self._files.content(name)
        return Response(content, media_type=media_type)

    async def _begin(self, _: Request) -> Response:
        from multilayer.playground.start import start_document

        return JSONResponse({**start_document(), **self._start})

    async def _status(self, _: Request) -> Response:
        names = [thread.name for thread in threading.enumerate()]
        num_threads = names.count(SESSION_THREAD) + names.count(COMPARISON_THREAD)
        return JSONResponse({"sessions": len(self._sessions), "threads": num_threads})

    async def _converse(self, socket: WebSocket) -> None:
        """Pass messages on between a page and its session, until one of the two is gone."""
        await socket.accept()
        if len(self._sessions) >= MOST_SESSIONS:
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_bytes(
                    refusal(f"{MOST_SESSIONS} pages are open already; close one, then load this")
                )
                await socket.close(_TRY_AGAIN_LATER)
            return
        outbox = _Outbox(asyncio.get_running_loop())
        session = Session(outbox.put, self._table)
        self._sessions.add(session)
        sending = asyncio.create_task(outbox.send_all(socket.send_bytes))
        try:
            while True:
                await _take(socket, session, outbox, sending)
        except (WebSocketDisconnect, RuntimeError):  # the page is gone
            pass
        finally:
            sending.cancel()
            session.end()
            await asyncio.to_thread(session.join, _SECONDS_TO_END)
            self._sessions.discard(session)


class _Outbox:
    """Messages of a session's thread on their way to the page."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._messages = loop, deque[bytes]()
        self._is_filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: bytes) -> None:
        """Add a message, in any thread."""
        self._messages.append(message)
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._is_filled.set)

    async def send_all(self, send: Callable[[bytes], Any]) -> None:
        """Send what comes, for ever."""
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await self._is_filled.wait()
                self._is_filled.clear()
                while self._messages:
                    await send(self._messages.popleft())


async def _take(
    socket: WebSocket, session: Session, outbox: _Outbox, sending: "asyncio.Task[None]"
) -> None:
    """Take one message of the page."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    try:
        if text is None:
            raise RefusalError(400, "a message must be text, not bytes")
        command = command_of(text)
    except RefusalError as error:
        outbox.put(refusal(str(error)))
        command = None
    while session.is_full or len(outbox) > _MOST_UNSENT:
        if sending.done():  # nobody reads any more
            raise WebSocketDisconnect
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    if command is not None:
        session.ask(command)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, RefusalError):
        return JSONResponse({"error": str(error)}, error.status)
    assert isinstance(error, HTTPException)
    message = f"there is nothing at {request.url.path[:100]!r}"
    if error.status_code != 404:
        message = json.dumps(error.detail)
    return JSONResponse({"error": message}, error.status_code, error.headers)
