"""The ``ortembed`` command: embed and search, prepare and judge models, look at the machine, help a shell."""

from ortembed.cli.entry import main

__all__ = ["main"]
