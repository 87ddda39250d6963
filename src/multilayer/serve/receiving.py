"""The body of a request, within the limits."""

import asyncio
from contextlib import suppress
from types import TracebackType

from starlette.requests import ClientDisconnect, Request

from multilayer.serve.limits import Limits
from multilayer.serve.refusals import RefusalError, busy

_TIMES_DISCARDED = 10


class Receiver:
    """Receives bodies; all of those that are held at once share one limit.

    Args:
        limits: of a body, of all of them, and of the seconds.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.num_bytes = 0

    def body_of(self, request: Request) -> "_Body":
        """A body, which counts until the end of the `async with` that receives it."""
        return _Body(self, self._limits, request)


class _Body:
    def __init__(self, owner: Receiver, limits: Limits, request: Request) -> None:
        self._owner, self._limits, self._request = owner, limits, request
        self._num_bytes = 0

    async def __aenter__(self) -> bytes:
        limit = self._limits.max_body_bytes
        declared = self._request.headers.get("content-length", "0")
        if not declared.isdecimal():
            raise RefusalError(400, "the content-length is no number")
        if len(declared) > 15 or int(declared) > limit:
            if "expect" not in self._request.headers:
                await self._discard(limit)
            raise _too_large(limit)
        if self._request.headers.get("content-encoding", "identity") != "identity":
            raise RefusalError(415, "the body must not be compressed (content-encoding)")
        try:
            async with asyncio.timeout(self._limits.receive_seconds):
                body = await self._receive(limit)
        except TimeoutError:
            self._release()
            seconds = self._limits.receive_seconds
            raise RefusalError(408, f"the body did not arrive within {seconds:g} seconds") from None
        except BaseException:
            self._release()
            raise
        if body is None:
            self._release()
            await self._discard(limit)
            raise _too_large(limit)
        return body

    async def _receive(self, limit: int) -> bytes | None:
        """The body; None once it is too large."""
        parts: list[bytes] = []
        async for part in self._request.stream():
            self._num_bytes += len(part)
            self._owner.num_bytes += len(part)
            if self._num_bytes > limit:
                return None
            if self._owner.num_bytes > self._limits.max_waiting_bytes:
                raise busy("too many large requests wait already")
            parts.append(part)
        return b"".join(parts)

    async def _discard(self, limit: int) -> None:
        """Read what is still sent, for a while: who is cut off does not read why."""
        num_bytes = 0
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(self._limits.receive_seconds):
                async for part in self._request.stream():
                    num_bytes += len(part)
                    if num_bytes > _TIMES_DISCARDED * limit:
                        return

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def _release(self) -> None:
        self._owner.num_bytes -= self._num_bytes
        self._num_bytes = 0


def _too_large(limit: int) -> RefusalError:
    return RefusalError(413, f"the body must not be larger than {limit:,} bytes")
