"""From an error, whoever raised it, to the answer that a client gets."""

from __future__ import annotations

import logging
from http import HTTPStatus
from traceback import format_tb
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ortembed.server.answers import JsonResponse
from ortembed.server.api_errors import ApiError, as_api_error, invalid
from ortembed.server.record import record_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEXTS_OR_IDS = "a text, a list of texts, a list of token ids, or a list of such lists"
_UNIONS = {  # by path: the field that may have several forms, and which
    "/v1/embeddings": ("input", _TEXTS_OR_IDS),
    "/": ("inputs", _TEXTS_OR_IDS),
    "/embed": ("inputs", _TEXTS_OR_IDS),
    "/embed_all": ("inputs", _TEXTS_OR_IDS),
    "/tokenize": ("inputs", "a text, or a list of texts"),
    "/decode": ("ids", "a list of token ids, or a list of such lists"),
}

_log = logging.getLogger(__name__)


def refuse(scope: Mapping[str, Any], error: Exception, *, close: bool = False) -> JsonResponse:
    """Give the answer to a request that failed, and tell its record; ``close`` ends the connection after it."""
    path = scope["path"]
    failure = _failure(error, path)
    record = record_of(scope)
    record.error_type = failure.error_type
    if failure.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # The place without the words, which may have a user's text.
        where = "".join(format_tb(error.__traceback__))
        about = {"request_id": record.request_id, "error": type(error).__name__, "where": where}
        _log.error("internal error", extra=about)
    headers = failure.headers()
    if isinstance(error, HTTPException):
        headers.update(error.headers or {})
    if close:
        headers["Connection"] = "close"
    return JsonResponse(failure.body(path), failure.status_of(path), headers)


def _failure(error: Exception, path: str) -> ApiError:
    if isinstance(error, RequestValidationError):
        return _not_valid(error.errors(), path)
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, str(error.detail), "Validation")
    return as_api_error(error)


def _not_valid(errors: Sequence[Mapping[str, Any]], path: str) -> ApiError:
    """Tell what is wrong with a body, by field and without what is in it."""
    first = errors[0]
    place = [part for part in first["loc"] if part not in ("body", "query")]
    if first["type"] == "json_invalid":
        why = str(first["msg"]).removeprefix("Invalid JSON: ")  # in words of the parser's own, and the place
        return ApiError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {why}", "Validation")
    if not place or isinstance(place[0], int):
        return invalid("the body is not a JSON object; send one with the header Content-Type: application/json")
    field = str(place[0])
    if first["type"] == "missing":
        return invalid(f"{'.'.join(map(str, place))} is missing", param=field)
    union, forms = _UNIONS.get(path, ("", ""))
    if field == union:  # its errors are many, one for each form
        return invalid(f"{field} is not {forms}", param=field)
    return invalid(f"{'.'.join(map(str, place))}: {first['msg']}", param=field)
