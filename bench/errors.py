"""The error of an engine that cannot take part; the others go on."""

from __future__ import annotations


class EngineError(Exception):
    """An engine cannot be made, has died, or gives wrong vectors; the message says which."""
