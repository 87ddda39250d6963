"""HTTP with limits on the head of a request, on top of uvicorn's."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from multilayer.serve.limits import Limits

_MOST_HEAD_BYTES = 65_536
_SLOW = "The request line and headers did not arrive in time."
_LARGE = "The request line and headers are too large."
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\n\r\n"
    b"Too many connections now."
)


class LimitedProtocol(HttpToolsProtocol):
    """A connection that is closed if it is silent, or if a head is slow or large.

    uvicorn itself waits for ever for the first byte, and for the end of a head.
    """

    limits: ClassVar[Limits] = Limits()
    count_refusal: Callable[[], None]
    _timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection is there."""
        super().connection_made(transport)  # type: ignore[arg-type, unused-ignore]
        # Every byte that the reader leaves to us is watched, those too with which we hang up.
        self.transport.set_write_buffer_limits(high=0)
        if len(self.connections) > self.limits.max_connections:
            self.count_refusal()
            self.transport.write(_BUSY)
            self.transport.close()
            return
        self._wait(self.limits.idle_seconds, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        if self._timer is not None and not self._is_in_head:
            self._end_waiting()
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._refuse(_LARGE)
                return
        super().data_received(data)
        if self._is_in_head and self._head_bytes == 0:
            self._head_bytes = len(data)
            if len(data) > _MOST_HEAD_BYTES:
                self._refuse(_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request has come."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._wait(self.limits.receive_seconds, self._refuse, _SLOW)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._is_in_head = False
        self._end_waiting()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The answer waits for its reader."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The reader has read."""
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()

    def _watch_reader(self, before: int) -> None:
        """Give up a reader who has read nothing for as long as a connection may be idle."""

        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left >= before:
                self.transport.abort()
            else:
                self._watch_reader(left)

        self._reader_timer = self.loop.call_later(self.limits.idle_seconds, look)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The sender is done; one who has sent a whole request still gets its answer."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end_waiting()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        super().connection_lost(exc)

    def _refuse(self, why: str) -> None:
        if not self.transport.is_closing():
            self.send_400_response(why)

    def _wait(self, seconds: float, then: Any, *arguments: Any) -> None:
        self._end_waiting()
        self._timer = self.loop.call_later(seconds, then, *arguments)

    def _end_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
