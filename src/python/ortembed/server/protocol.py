"""HTTP connections that do not wait for ever: for a request's headers, or for a client that does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

_MOST_HEAD_BYTES = 65_536


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which has a time limit only between two requests."""

    head_timeout: float  # seconds, by the subclass that timed_protocol makes

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Take what uvicorn gives."""
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; too many of headers end the connection."""
        is_head = self.cycle is None or self.cycle.response_complete
        self._head_bytes += len(data) if is_head else 0
        if is_head and self._timer is None:
            self._start_timer()
        super().data_received(data)
        if self._head_bytes > _MOST_HEAD_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Wait no longer: a request has begun."""
        self._stop_timer()
        self._head_bytes = 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._start_timer()

    def resume_writing(self) -> None:
        """Wait no longer: it reads."""
        super().resume_writing()
        self._stop_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_timeout, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def timed_protocol(seconds: float) -> type[TimedProtocol]:
    """Give a protocol that waits for so many seconds."""
    return type("TimedProtocol", (TimedProtocol,), {"head_timeout": seconds})
