"""HTTP connections that do not wait for ever, nor take without end what nobody asked for.

uvicorn's protocol limits only the time between two requests. Here a client has to send a request's head in time, and
what it sends beside heads and bodies is bounded: endless headers, trailers of chunked bodies, the rest of a body that
has been refused, and requests that come before the last one is answered. It has to read answers, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

PASSED_OVER = 32 * 2**20  # bytes of a body that nobody reads, for which a connection may go on
_MOST_LOOSE_BYTES = 65_536  # of a head, or of anything else that makes neither a head complete nor a body longer
_LEAST_READ = 65_536  # bytes of an answer within the time for it
_MOST_PIPELINED = 16  # requests that wait for the answer to the one before them
_MOST_PIPELINED_BYTES = 2**18  # of their bodies


class TimedProtocol(HttpToolsProtocol):
    """One connection."""

    seconds: float  # for a head to arrive and for an answer to be read, by the subclass that timed_protocol makes

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Take what uvicorn gives."""
        super().__init__(*arguments, **options)
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._loose_bytes = 0
        self._passed_over = 0
        self._pipelined_bytes = 0
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._reading = self._after(self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """End. uvicorn tells only the last of the requests that came; it is the running one that has to know."""
        _cancel(self._reading)
        _cancel(self._writing)
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes; too many of what is no use end the connection."""
        if self._reading is None and (self.cycle is None or self.cycle.response_complete):
            self._reading = self._after(self.transport.abort)
        self._loose_bytes += len(data)
        if b"pgrade:" in data and (self.cycle is None or self.cycle.response_complete):
            data = _without_upgrade(data)
        super().data_received(data)
        if self._loose_bytes > _MOST_LOOSE_BYTES or self._passed_over > PASSED_OVER:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Wait no longer: a request has begun."""
        _cancel(self._reading)
        self._reading = None
        self._loose_bytes = self._passed_over = 0
        super().on_headers_complete()
        if self.pipeline:
            self._wait_behind(0)
        else:
            self._running = self.cycle
            self._pipelined_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._loose_bytes = 0
        if self.cycle.response_complete:
            self._passed_over += len(body)
        super().on_body(body)
        if self.pipeline:
            self._wait_behind(len(body))

    def _wait_behind(self, size: int) -> None:
        """Bound what is pipelined, and read on, unlike uvicorn, which would not see that the client goes away."""
        self._pipelined_bytes += size
        if len(self.pipeline) > _MOST_PIPELINED or self._pipelined_bytes > _MOST_PIPELINED_BYTES:
            raise ValueError  # which the parser takes for a request that is not valid
        self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        if self.pipeline:
            self._running = self.pipeline[-1][0]
            self._pipelined_bytes -= len(self._running.body)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._writing = self._after(self._check_reader)

    def resume_writing(self) -> None:
        """Wait no longer: it reads."""
        super().resume_writing()
        _cancel(self._writing)

    def _check_reader(self) -> None:
        """Let a client go on that has read something; another one keeps memory for nothing."""
        unread = self.transport.get_write_buffer_size()
        if unread > self._unread - _LEAST_READ:
            self.transport.abort()
            return
        self._unread = unread
        self._writing = self._after(self._check_reader)

    def _after(self, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(self.seconds, call)


def _without_upgrade(data: bytes) -> bytes:
    """Rename the header of an offer to change the protocol, which is not taken: the parser would stop at the body."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return re.sub(rb"(?i)\r\nupgrade:", b"\r\nx-offer:", head) + end + rest


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def timed_protocol(seconds: float) -> type[TimedProtocol]:
    """Give a protocol that waits for so many seconds."""
    return type("TimedProtocol", (TimedProtocol,), {"seconds": seconds})
