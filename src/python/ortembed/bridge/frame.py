"""How a request is answered: in the form that it came in, with the id that it came with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ortembed import errors
from ortembed.errors import OrtembedError

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERNAL_ERROR = "InternalError"  # the error_type of what is none of ortembed's errors


class Form(Enum):
    """The form of a request. UNKNOWN is one that could not be read so far."""

    TEXTS = "texts"
    METHOD = "method"
    UNKNOWN = "unknown"


class Json(bytes):
    """A value that is JSON already."""

    __slots__ = ()


@dataclass(frozen=True)
class Frame:
    """What makes an answer one to a certain request.

    Attributes:
        identity: ``{"id": …}`` as it came, else empty.
    """

    form: Form
    identity: Mapping[str, object] = field(default_factory=dict)

    def success(self, found: Mapping[str, object]) -> bytes:
        """Give the line that answers with what was found."""
        if self.form is Form.TEXTS:
            return _line({**found, "status": "success", **self.identity})
        return _line({"status": "ok", **found, **self.identity})

    def failure(self, error: BaseException) -> bytes:
        """Give the line that answers with an error; one for both forms where it is not known which was meant."""
        kind, message = error_type(error), _message(error)
        if self.form is Form.TEXTS:
            return _line({"error": message, "status": "error", "error_type": kind, **self.identity})
        if self.form is Form.METHOD:
            return _line({"status": "error", "message": message, "error_type": kind, **self.identity})
        return _line({"error": message, "status": "error", "message": message, "error_type": kind, **self.identity})


def error_type(error: BaseException) -> str:
    """Give the name of an error's class, where it is one of ortembed.errors."""
    name = type(error).__name__
    return name if isinstance(error, OrtembedError) and name in errors.__all__ else INTERNAL_ERROR


def _message(error: BaseException) -> str:
    text = str(error) if error_type(error) != INTERNAL_ERROR else f"{type(error).__name__}: {error}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # many readers refuse half a surrogate pair


def _line(values: Mapping[str, object]) -> bytes:
    pairs = [
        _json(name) + b": " + (value if isinstance(value, Json) else _json(value)) for name, value in values.items()
    ]
    return b"{" + b", ".join(pairs) + b"}\n"


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")
