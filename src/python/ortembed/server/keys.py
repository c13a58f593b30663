"""The keys that clients show: where they are read from, and how they are compared."""

from __future__ import annotations

import hashlib
import hmac
import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError
from ortembed.server.api_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_VARIABLE = "ORTEMBED_API_KEY"


def read_keys(path: str | None) -> tuple[str, ...]:
    """Give the keys of a file, one a line, or the one of ORTEMBED_API_KEY; none where neither is given.

    Raises:
        InvalidInputError: The file has no key, or a key is not printable ASCII without spaces.
        OSError: It cannot be read.
    """
    if path is None:
        if KEY_VARIABLE not in os.environ:
            return ()
        source, keys = KEY_VARIABLE, [os.environ[KEY_VARIABLE]]
    else:
        source, keys = path, Path(path).read_text("utf-8", errors="replace").split("\n")
    found = tuple(key.strip() for key in keys if key.strip())
    if not found:
        raise InvalidInputError(f"{source} has no API key")
    if not all(key.isascii() and key.isprintable() and " " not in key for key in found):
        raise InvalidInputError(f"an API key in {source} is not printable ASCII without spaces")
    return found


class KeyCheck:
    """Compares what clients show with the keys, in a time that does not depend on how near it is."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take the keys; with none, whatever is shown is right."""
        self._digests = [_digest(key.encode()) for key in keys]

    def check(self, authorization: bytes | None) -> None:
        """Take the Authorization header; raise an ApiError unless it is ``Bearer`` and one of the keys."""
        if not self._digests:
            return
        scheme, _, shown = (authorization or b"").partition(b" ")
        digest = _digest(shown.strip())
        # All of them are compared, whichever is right.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if scheme.lower() != b"bearer" or not any(matches):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "no API key, or a wrong one; send the header Authorization: Bearer KEY",
                "Unauthorized",
                code="invalid_api_key",
            )


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
