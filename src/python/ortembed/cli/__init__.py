"""The ``ortembed`` command: embed, search, prepare, list, describe and verify models, and look at the machine."""

from ortembed.cli.entry import main

__all__ = ["main"]
