"""The encoder architectures that are made into graphs from their weights, one family a file."""

from ortembed.prepare.architectures.registry import (
    MODEL_TYPES,
    Architecture,
    packed_refusal,
    read_architecture,
    refusal,
)

__all__ = ["MODEL_TYPES", "Architecture", "packed_refusal", "read_architecture", "refusal"]
