"""What watches a call while it runs: who is told how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Control(NamedTuple):
    """Watches a call.

    Attributes:
        progress: Gets the number of texts that were done since it was called last; what it raises ends the call.
    """

    progress: Callable[[int], object] | None = None


UNWATCHED = Control()
