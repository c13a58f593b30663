"""What watches a call while it runs: who is told how far it is, and who may stop it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from ortembed.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortembed._native import Cancellation


class Control(NamedTuple):
    """Watches a call.

    Attributes:
        progress: Gets the number of texts that were done since it was called last; what it raises ends the call.
        cancellation: Ends the call with CancelledError, within one batch of the model.
        in_background: Whether the call is also to end when the interpreter does, which waits for its thread.
    """

    progress: Callable[[int], object] | None = None
    cancellation: Cancellation | None = None
    in_background: bool = False

    def check(self) -> None:
        """Raise CancelledError if the call is not to go on."""
        if self.cancellation is not None and self.cancellation.cancelled:
            raise CancelledError("the call was cancelled")
        if self.in_background and not threading.main_thread().is_alive():
            raise CancelledError("the interpreter ends")

    def tick(self, done: int) -> None:
        """Take note of texts that were done."""
        self.check()
        if self.progress is not None:
            self.progress(done)


UNWATCHED = Control()
