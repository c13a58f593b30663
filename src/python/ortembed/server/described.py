"""What /openapi.json says of errors, headers and keys, beside the bodies that the routes declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Security
from fastapi.security import HTTPBearer

if TYPE_CHECKING:
    from fastapi.params import Depends
    from pydantic import BaseModel

    from ortembed.server.settings import Settings

    Responses = dict[int | str, dict[str, Any]]

_ERRORS = {
    400: "There is no text, or an empty one, or the body is not JSON",
    401: "No API key, or a wrong one, where the service has keys",
    404: "No model is served under that name",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is not said to be JSON",
    422: "Something in the request does not fit",
    424: "The model's run failed",
    429: "Too much waits already",
    500: "Internal error; the service's log has it",
    503: "Models are being loaded, or the service is shutting down",
    504: "No answer in time",
}
GET_ERRORS = (401, 404, 500, 503)
POST_ERRORS = tuple(_ERRORS)
OPENAI_ERRORS = tuple(status for status in _ERRORS if status != 422)  # noqa: PLR2004 - which is 400 there
_TRY_AGAIN = (429, 503)
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_REQUEST_ID = {
    "X-Request-Id": {"description": "The request's own where it was plain, else a new one", "schema": _TEXT}
}
_NOT_OURS = ("HTTPValidationError", "ValidationError")


def errors(body: type[BaseModel], statuses: tuple[int, ...]) -> Responses:
    """Describe the errors of a route by their status codes."""
    return {status: {"model": body, **_told(status, _ERRORS[status])} for status in statuses}


def computed() -> Responses:
    """Describe the headers that tell what an answer took."""
    of_texts = {
        "tokens": "Tokens that were read",
        "characters": "Characters of the texts as they were sent",
    }
    headers: dict[str, Any] = {
        "x-compute-type": {"description": "What computed it", "schema": _TEXT},
        **{f"x-compute-{name}": {"description": text, "schema": _COUNT} for name, text in of_texts.items()},
        "x-truncated-texts": {"description": "Ours: texts that were cut", "schema": _COUNT},
    }
    for stage in ("total", "tokenization", "queue", "inference"):
        headers[f"x-{stage}-time"] = {"description": f"Milliseconds, {stage}", "schema": _COUNT}
    return {200: {"headers": {**headers, **_REQUEST_ID}}}


def keys(settings: Settings) -> list[Depends]:
    """Say that a route needs a key, if the service has any; what is shown was checked at the border."""
    return [Security(HTTPBearer(auto_error=False, scheme_name="ApiKey"))] if settings.api_keys else []


def without_defaults(description: dict[str, Any]) -> dict[str, Any]:
    """Take out of a description what FastAPI adds to it by itself: the form of errors that it would answer with."""
    schemas = description["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    for path in description["paths"].values():
        for operation in path.values():
            if _NOT_OURS[0] in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    return description


def _told(status: int, text: str) -> dict[str, Any]:
    headers: dict[str, Any] = dict(_REQUEST_ID)
    if status in _TRY_AGAIN:
        headers["Retry-After"] = {
            "description": "Seconds after which to try again",
            "schema": {"type": "integer", "minimum": 1},
        }
    if status == 401:  # noqa: PLR2004 - a status code
        headers["WWW-Authenticate"] = {"schema": {"type": "string", "const": "Bearer"}}
    return {"description": text, "headers": headers}
