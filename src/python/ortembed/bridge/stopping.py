"""SIGTERM: ends the process at once while it waits, and after the request in hand while it works."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminated(BaseException):
    """The process was told to end. As with KeyboardInterrupt, no handler of errors is meant to stop it."""


class Stopping:
    """Knows whether the process was told to end, and whether it may do so now."""

    def __init__(self) -> None:
        """Hear SIGTERM from now on; a second one ends the process on the spot, whatever it does."""
        self._told = False
        self._waiting = False
        signal.signal(signal.SIGTERM, self._hear)

    def check(self) -> None:
        """Raise Terminated if the process was told to end."""
        if self._told:
            raise Terminated

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let SIGTERM raise Terminated in a block; one that came before it does so as it begins."""
        self._waiting = True  # before the look, so that none falls between the two
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def _hear(self, _signal: int, _frame: object) -> None:
        self._told = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._waiting:
            raise Terminated
