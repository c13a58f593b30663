"""The one warning that texts were cut."""

from __future__ import annotations

import warnings
from threading import Lock

from ortembed.callers import callers_level
from ortembed.responses import TruncationWarning


class TruncationNotice:
    """Warns the first time it is called. It knows no Embedder: a cycle would keep a model in memory."""

    def __init__(self) -> None:
        """Start with no warning given."""
        self._given = Lock()  # held from the warning on

    def __call__(self, max_seq_length: int) -> None:
        """Give a TruncationWarning at the first caller outside this package, unless one was given before."""
        if not self._given.acquire(blocking=False):
            return
        warnings.warn(
            f"some texts have more than {max_seq_length} tokens and were truncated; token_count() tells which. "
            "Shown once for this Embedder.",
            TruncationWarning,
            stacklevel=callers_level(),
        )
