"""The ``ortembed`` command: embed, search, and prepare, list, describe and verify models."""

from ortembed.cli.entry import main

__all__ = ["main"]
