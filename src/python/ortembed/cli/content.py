"""The content of a source's file: its sha256, and whether it is still the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from ortembed.cli.formats.inputs import Input

_BLOCK_BYTES = 1 << 20


class Content:
    """What a file has while it is read, more than once.

    Attributes:
        sha256: Of its bytes, once they were read.
    """

    def __init__(self, origin: Input) -> None:
        """Take note of the file's state, before anything is read."""
        self._origin = origin
        self._state = self._current_state()
        self.sha256 = ""

    def read(self) -> None:
        """Take the hash of what was read since.

        Raises:
            InvalidInputError: The file has changed meanwhile.
            OSError: It cannot be read.
        """
        self.sha256 = self._hash()
        if self._current_state() != self._state:
            raise InvalidInputError(f"{self._origin.label} changed while it was read; run the command again")

    def is_same(self) -> bool:
        """Tell whether the file still has that content; it is read only where its state differs.

        Raises:
            OSError: It cannot be read.
        """
        state = self._current_state()
        if state != self._state:
            if self._hash() != self.sha256:
                return False
            self._state = state
        return True

    def _hash(self) -> str:
        digest = hashlib.sha256()
        with self._origin.open() as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _current_state(self) -> tuple[int, ...]:
        """Give what a change of the content changes: which file has the name, its size, and the time."""
        if self._origin.path is None:
            return ()
        status = self._origin.path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns
