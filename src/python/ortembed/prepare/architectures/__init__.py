"""The encoder architectures that are made into graphs from their weights, one family a file."""

from ortembed.prepare.architectures.registry import Architecture, read_architecture, refusal

__all__ = ["Architecture", "read_architecture", "refusal"]
