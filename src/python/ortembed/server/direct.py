"""The routes that carry the load, called without the framework's layers.

FastAPI declares and describes them, and its layers cost 0.15 ms of CPU a request, a third of all that HTTP costs here
(bench/service.py). So what it has declared is read back: the schema of the body, and the function that answers.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from ortembed.server.api_errors import ApiError, invalid
from ortembed.server.settings import MOST_TEXTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from fastapi import APIRouter, Response


class DirectRoute(NamedTuple):
    """A route that takes a JSON body.

    Attributes:
        schema: Of the body.
        answer: Takes the body, and the request where it asks for that.
        takes_request: Whether it does.
    """

    schema: type[BaseModel]
    answer: Callable[..., Awaitable[Response]]
    takes_request: bool

    async def respond(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], body: bytes) -> Response:
        """Answer a request.

        Raises:
            ApiError: The body is not said to be JSON, or what the route raises.
            RequestValidationError: It is not JSON, or not of the schema, in FastAPI's words.
        """
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise ApiError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON with the header Content-Type: application/json"
            )
        # A million small lists would hold everybody up for seconds; to count them takes a thousandth.
        if body.count(b"],[") + body.count(b"], [") > MOST_TEXTS:
            raise invalid(f"the body has more than {MOST_TEXTS} lists")
        try:
            value = self.schema.model_validate_json(body)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in errors]) from None
        if self.takes_request:
            return await self.answer(body=value, request=Request(scope))  # type: ignore[arg-type] # an ASGI scope
        return await self.answer(body=value)


def direct_routes(routers: Iterable[APIRouter]) -> dict[str, DirectRoute]:
    """Give the routes for POST, which have a ``body``, by path."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {route.path: _direct(route) for route in routes if route.methods == {"POST"}}


def _direct(route: APIRoute) -> DirectRoute:
    hints = get_type_hints(route.endpoint)
    return DirectRoute(hints["body"], route.endpoint, "request" in hints)
