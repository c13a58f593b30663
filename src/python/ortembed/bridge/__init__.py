"""A room: vectors for a program that starts a process of ours, by lines of JSON. See docs/bridge.md."""

from ortembed.bridge.client import BridgeClient

__all__ = ["BridgeClient"]
