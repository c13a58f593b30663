"""The service's border, an ASGI application round the routes: who may come in, for how long, and how it ends.

Each request ends in one of these ways: an answer of the routes, an ApiError's, or the client has gone. Whatever it
is, its place is freed, and it is logged and counted.
"""

from __future__ import annotations

import asyncio
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ortembed.server.api_errors import ApiError, OverloadedError, invalid, unavailable
from ortembed.server.body import Bodies, ClientGoneError, declared_size
from ortembed.server.interruption import interrupted_by
from ortembed.server.keys import KeyCheck
from ortembed.server.logs import log_request
from ortembed.server.protocol import PASSED_OVER
from ortembed.server.record import begin_record
from ortembed.server.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from ortembed.server.direct import DirectRoute
    from ortembed.server.record import Record
    from ortembed.server.service import Service

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]

TIMEOUT_HEADER = b"x-request-timeout"
CLIENT_CLOSED = 499  # as proxies log it; nobody gets it
# What tells nothing of anybody's texts, and has to answer when nothing else does.
_OPEN_PATHS = frozenset({"/", "/health", "/ready", "/live", "/ping", "/metrics", "/docs", "/openapi.json"})
_OPEN_FOLDER = "/static-offline-docs/"


class Border:
    """The ASGI application."""

    def __init__(self, app: App, service: Service, direct: Mapping[str, DirectRoute]) -> None:
        """Stand before an application, and before the routes for POST that are called without it."""
        self._app = app
        self._direct = direct
        self._service = service
        self._limits = service.settings.limits
        self._keys = KeyCheck(service.settings.api_keys)
        self._bodies = Bodies(self._limits)
        self._active = 0
        service.metrics.watch_requests(lambda: self._active)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        record = begin_record(scope, headers)
        answer = _Answer(send, record)
        try:
            await self._admit(scope, headers, receive, answer)
        except ClientGoneError:
            record.status, record.error_type = CLIENT_CLOSED, "Gone"
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            await self._fail(scope, receive, answer, error)
        finally:
            self._service.metrics.observe(record)
            log_request(record)

    async def _admit(self, scope: Message, headers: dict[bytes, bytes], receive: Receive, answer: _Answer) -> None:
        if not _is_open(scope):
            self._keys.check(headers.get(b"authorization"))
        if scope["method"] != "POST":
            await self._app(scope, receive, answer)
            return
        if self._service.is_draining:
            raise unavailable("the service is shutting down")
        if self._active >= self._limits.max_concurrent_requests:
            raise OverloadedError(f"{self._active} requests are in progress")
        self._active += 1
        try:
            await self._answer_post(scope, headers, receive, answer)
        finally:
            self._active -= 1

    async def _answer_post(
        self, scope: Message, headers: dict[bytes, bytes], receive: Receive, answer: _Answer
    ) -> None:
        seconds = self._seconds(headers.get(TIMEOUT_HEADER))
        body = await self._bodies.read(receive, headers, self._service.stopped)
        answer.has_body = True
        try:
            await self._answer_in_time(self._route(scope, headers, body, receive, answer), answer, receive, seconds)
        finally:
            self._bodies.release(body)

    async def _route(
        self, scope: Message, headers: dict[bytes, bytes], body: bytes, receive: Receive, answer: _Answer
    ) -> None:
        direct = self._direct.get(scope["path"])
        if direct is None:
            await self._app(scope, _Replay(body, receive), answer)
            return
        response = await direct.respond(scope, headers, body)
        await response(scope, receive, answer)

    async def _answer_in_time(self, work: Awaitable[None], answer: _Answer, receive: Receive, seconds: float) -> None:
        """Await the routes' work, until the time is over, the client has gone or the service is stopped."""
        late = ApiError(
            HTTPStatus.GATEWAY_TIMEOUT, f"no answer within {seconds:g} seconds", "Overloaded", code="timeout"
        )
        gone = asyncio.ensure_future(_wait_for_disconnect(receive))
        ends = ((gone, ClientGoneError()), (self._service.stopped, unavailable("the service is shutting down")))
        try:
            # What has begun is sent; the protocol limits its time.
            with interrupted_by(*ends, seconds=seconds, late=late, unless=lambda: answer.has_started):
                await work
        finally:
            gone.cancel()

    def _seconds(self, shown: bytes | None) -> float:
        """Give the seconds that a request has: the client's where it wants fewer."""
        if shown is None:
            return self._limits.request_timeout
        try:
            seconds = float(shown)
        except ValueError:
            seconds = math.nan
        if not seconds > 0:
            raise invalid("the header X-Request-Timeout is not a positive number of seconds")
        return min(seconds, self._limits.request_timeout)

    async def _fail(self, scope: Message, receive: Receive, answer: _Answer, error: Exception) -> None:
        if answer.has_started:
            if not answer.is_complete:
                raise error  # which closes the connection
            return  # the routes have told it
        response = refuse(scope, error, close=not answer.has_body and _has_unwanted_body(scope))
        await response(scope, receive, answer)


def _is_open(scope: Message) -> bool:
    """Tell whether a request needs no key."""
    path = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and (path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER))


def _has_unwanted_body(scope: Message) -> bool:
    """Tell whether a body is better not sent at all: it is long, or its client asks before it sends it."""
    headers = dict(scope["headers"])
    return b"expect" in headers or declared_size(headers) > PASSED_OVER


class _Answer:
    """Sends an answer, with the request's id, and notes how far it is."""

    def __init__(self, send: Send, record: Record) -> None:
        self._send = send
        self.record = record
        self.has_body = False
        self.has_started = False
        self.is_complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            self.record.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.record.request_id.encode())]
        elif message["type"] == "http.response.body":
            self.is_complete = not message.get("more_body", False)
        await self._send(message)


class _Replay:
    """Gives the body that was read, then what comes after it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
