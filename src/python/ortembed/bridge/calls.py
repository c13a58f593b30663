"""A client's calls: each a line to send, an answer to wait for, and one outcome, whatever happens in between."""

from __future__ import annotations

import json
from threading import Event
from typing import TYPE_CHECKING, Any

from ortembed import errors
from ortembed.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Answer = dict[str, Any]


class Call:
    """One request. Its outcome is set once, by whoever comes first: the reader of answers, or who gives up."""

    def __init__(self, identity: int, request: Mapping[str, object]) -> None:
        """Make a request with an id."""
        self.identity = identity
        self.line = _line({**request, "id": identity})
        self.deaths = 0  # processes that died while they had it in hand
        self._outcome: Answer | BaseException | None = None
        self._done = Event()

    @property
    def is_done(self) -> bool:
        """Whether there is an outcome, so that nobody waits for an answer."""
        return self._done.is_set()

    def finish(self, outcome: Answer | BaseException) -> None:
        """Set the outcome, where there is none yet."""
        if not self.is_done:
            self._outcome = outcome
            self._done.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the outcome; tell whether there is one."""
        return self._done.wait(seconds)

    def result(self) -> Answer:
        """Give the answer, or raise what came instead."""
        if isinstance(self._outcome, BaseException):
            raise type(self._outcome)(*self._outcome.args)  # several calls may share it, each with its own traceback
        assert self._outcome is not None  # noqa: S101 - whoever asks has waited
        return self._outcome


def _line(request: Mapping[str, object]) -> bytes:
    """Write a request in UTF-8, which is shorter than escapes; with these for a folder's name that is no Unicode."""
    try:
        return f"{json.dumps(request, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(request)}\n".encode("ascii")


def outcome_of(answer: Answer) -> Answer | BaseException:
    """Give an answer, or the error that it tells of, as one of ortembed.errors."""
    if answer.get("status") in ("ok", "success"):
        return answer
    message = answer.get("error") or answer.get("message") or "the bridge answered with an error"
    name = answer.get("error_type")
    if name in errors.__all__:
        error: BaseException = getattr(errors, name)(message)
        return error
    return ServiceUnavailableError(f"the bridge failed: {message}")


def read_answer(line: bytes) -> Answer | None:
    """Read a line that a bridge wrote; None where it is no answer."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and "status" in answer else None
