"""What a request can end with beside an answer: status codes, and the bodies that each API's clients expect."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from ortembed.errors import InferenceError, InvalidInputError, ServiceUnavailableError

TOO_LARGE = 413  # named differently from one Python to the next
UNPROCESSABLE = 422


class ApiError(Exception):
    """An answer that is an error.

    Attributes:
        status: The HTTP status code.
        message: What is wrong and what to do; never a user's text.
        error_type: TEI's name for it: Empty, Validation, Tokenizer, Backend, Overloaded or Unhealthy.
        code: OpenAI's name for it.
        param: The field that it is about.
        retry_after: Seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        error_type: str = "Validation",
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Take the attributes."""
        super().__init__(message)
        self.status = int(status)
        self.message = message
        self.error_type = error_type
        self.code = code
        self.param = param
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Give the headers that go with the status."""
        if self.status == HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        return {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}

    def body(self, path: str) -> dict[str, Any]:
        """Give the body, as OpenAI has it below /v1, as TEI has it elsewhere."""
        if not path.startswith("/v1/"):
            return {"error": self.message, "error_type": self.error_type}
        return {
            "error": {"message": self.message, "type": self._openai_type(), "param": self.param, "code": self.code}
        }

    def status_of(self, path: str) -> int:
        """Give the status code: OpenAI's clients know 400 where TEI has 422."""
        is_openai = path.startswith("/v1/") and self.status == UNPROCESSABLE
        return int(HTTPStatus.BAD_REQUEST) if is_openai else self.status

    def _openai_type(self) -> str:
        known = {
            int(HTTPStatus.UNAUTHORIZED): "authentication_error",
            int(HTTPStatus.TOO_MANY_REQUESTS): "rate_limit_error",
        }
        server_error = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status == HTTPStatus.FAILED_DEPENDENCY
        return known.get(self.status, "server_error" if server_error else "invalid_request_error")


class OverloadedError(ApiError):
    """Too much waits already."""

    def __init__(self, reason: str, retry_after: float = 1.0) -> None:
        """Take what waits, and for how many seconds about."""
        message = f"the service is overloaded: {reason}; try again later"
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS, message, "Overloaded", code="rate_limit_exceeded", retry_after=retry_after
        )


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Give the failure for something in the request that does not fit."""
    return ApiError(UNPROCESSABLE, message, "Validation", param=param, code=code)


def empty(param: str, place: int | None = None) -> ApiError:
    """Give the failure for a request without texts, or with an empty one at a place."""
    which = "" if place is None else f": number {place}, counted from 0, is"
    return ApiError(HTTPStatus.BAD_REQUEST, f"`{param}` cannot be empty{which}", "Empty", param=param)


def unavailable(message: str, retry_after: float = 1.0) -> ApiError:
    """Give the failure for a service that cannot answer now."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, message, "Unhealthy", code="service_unavailable", retry_after=retry_after
    )


def as_api_error(error: Exception) -> ApiError:
    """Give what an error means to the client. What we do not know is told as an internal error, without its words."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidInputError):
        return invalid(str(error))
    if isinstance(error, InferenceError):
        return ApiError(HTTPStatus.FAILED_DEPENDENCY, str(error), "Backend", code="inference_failed")
    if isinstance(error, ServiceUnavailableError):
        return unavailable(str(error))
    if isinstance(error, MemoryError):
        return unavailable("the service is out of memory")
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; the service's log has it", "Backend")
