"""A request's body, read whole within limits of size and time before anything is made of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ortembed.server.api_errors import TOO_LARGE, ApiError, OverloadedError, unavailable
from ortembed.server.interruption import interrupted_by

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from ortembed.server.settings import Limits

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


_MOST_DIGITS = 18  # of a length that anything could have


class ClientGoneError(Exception):
    """The client has closed the connection."""


class Bodies:
    """The bodies of all requests in progress, whose sizes are bounded together."""

    def __init__(self, limits: Limits) -> None:
        """Start with none."""
        self._limits = limits
        self.pending_bytes = 0

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes], stopped: asyncio.Future[None]) -> bytes:
        """Give a request's whole body; ``release`` it afterwards.

        Raises:
            ApiError: It is too large, too slow, too much is pending, or the service is stopped.
            ClientGoneError: The connection was closed before its end.
        """
        self._check_size(declared_size(headers))
        seconds = self._limits.body_timeout
        late = ApiError(HTTPStatus.REQUEST_TIMEOUT, f"the request's body did not arrive within {seconds:g} seconds")
        with interrupted_by((stopped, unavailable("the service is shutting down")), seconds=seconds, late=late):
            return await self._read(receive)

    def release(self, body: bytes) -> None:
        """Let go of a body."""
        self.pending_bytes -= len(body)

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError  # noqa: TRY301 - its bytes are let go of like any other failure's
                chunk = message.get("body", b"")
                size += len(chunk)
                self.pending_bytes += len(chunk)
                chunks.append(chunk)
                self._check_size(size)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except BaseException:
            self.pending_bytes -= size
            raise

    def _check_size(self, size: int) -> None:
        limits = self._limits
        if size > limits.max_body_bytes:
            raise ApiError(TOO_LARGE, f"the request's body exceeds {limits.max_body_bytes} bytes; send fewer texts")
        if self.pending_bytes > limits.max_pending_bytes:
            raise OverloadedError("too many bytes of requests are pending")


def declared_size(headers: Mapping[bytes, bytes]) -> int:
    """Give the length that the headers say, 0 for none. What is no number does not get through the HTTP parser."""
    value = headers.get(b"content-length", b"0")
    return int(value) if value.isdigit() and len(value) < _MOST_DIGITS else 10**_MOST_DIGITS
