"""What is known of one request: filled while it is answered, then logged and counted."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "ortembed.record"
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@dataclass
class Record:
    """One request. Never its texts.

    Attributes:
        request_id: The client's X-Request-Id where it is plain, else one of ours.
        method: GET, POST …
        path: Without the query.
        model: The name of the model that answers; empty where none does.
        texts: How many there were.
        is_batch: Whether they came as a list.
        lengths: Tokens of each of them.
        characters: Of all of them.
        truncated: How many were cut.
        tokenization_seconds: Texts to ids.
        queue_seconds: Waiting for the engine.
        inference_seconds: With the engine.
        status: The HTTP status; 499 for a client that went away.
        error_type: A failure's; empty for none.
        started: When it began, by perf_counter.
    """

    request_id: str
    method: str
    path: str
    model: str = ""
    texts: int = 0
    is_batch: bool = False
    lengths: list[int] = field(default_factory=list)
    characters: int = 0
    truncated: int = 0
    tokenization_seconds: float = 0.0
    queue_seconds: float = 0.0
    inference_seconds: float = 0.0
    status: int = 0
    error_type: str = ""
    started: float = field(default_factory=perf_counter)

    @property
    def tokens(self) -> int:
        """Tokens of all the texts."""
        return sum(self.lengths)


def begin_record(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Record:
    """Give the record of a request that begins."""
    shown = headers.get(b"x-request-id", b"")
    request_id = shown.decode("ascii") if _PLAIN_ID.fullmatch(shown) else f"{random.getrandbits(128):032x}"
    record = Record(request_id, scope["method"], scope["path"])
    scope[_KEY] = record  # type: ignore[index] # an ASGI scope is a dict
    return record


def record_of(scope: Mapping[str, Any]) -> Record:
    """Give the record of the request that an ASGI scope belongs to."""
    record: Record = scope[_KEY]
    return record
