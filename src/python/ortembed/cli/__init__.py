"""The ``ortembed`` command: embed, search, prepare, list, describe and verify models, look at the machine, complete."""

from ortembed.cli.entry import main

__all__ = ["main"]
