"""The one warning that texts were cut."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from ortembed.responses import TruncationWarning


class TruncationNotice:
    """Warns the first time it is called. It knows no Embedder: a cycle would keep a model in memory."""

    def __init__(self) -> None:
        """Start with no warning given."""
        self._given = False

    def __call__(self, max_seq_length: int) -> None:
        """Give a TruncationWarning at the first caller outside this package, unless one was given before."""
        if self._given:
            return
        self._given = True
        warnings.warn(
            f"some texts have more than {max_seq_length} tokens and were truncated; token_count() tells which. "
            "Shown once for this Embedder.",
            TruncationWarning,
            stacklevel=_callers_level(),
        )


def _callers_level() -> int:
    """Give the stacklevel at which a warning points to the first caller outside this package."""
    package = str(Path(__file__).parent)
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - what warnings itself uses
    while frame.f_back and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level
