"""Which line a warning points to: the caller's, not one of this package."""

from __future__ import annotations

import sys
from pathlib import Path


def callers_level() -> int:
    """Give the stacklevel for a warning of the function that calls this: the first caller outside this package."""
    package = str(Path(__file__).parent)
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - what warnings itself uses
    while frame.f_back and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level
