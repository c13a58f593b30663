"""Counters of what an Embedder was asked, which only grow. The engine has its own of what it ran."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple


class Counts(NamedTuple):
    """Values of the counters at one moment."""

    calls: int
    texts: int
    duplicates: int
    tokenize_seconds: float


class Counters:
    """Thread-safe counters, cheap enough for each call."""

    __slots__ = ("_calls", "_duplicates", "_lock", "_texts", "_tokenize_seconds")

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = Lock()
        self._calls = self._texts = self._duplicates = 0
        self._tokenize_seconds = 0.0

    def add_call(self, texts: int, tokenize_seconds: float = 0.0) -> None:
        """Count a call that begins, the texts in it, and the time that tokenizing them took so far."""
        with self._lock:
            self._calls += 1
            self._texts += texts
            self._tokenize_seconds += tokenize_seconds

    def add_work(self, *, texts: int = 0, duplicates: int = 0, tokenize_seconds: float = 0.0) -> None:
        """Count further texts of a call, those that were not run since an equal one was, and time."""
        with self._lock:
            self._texts += texts
            self._duplicates += duplicates
            self._tokenize_seconds += tokenize_seconds

    def read(self) -> Counts:
        """Give the values, all of one moment."""
        with self._lock:
            return Counts(self._calls, self._texts, self._duplicates, self._tokenize_seconds)
