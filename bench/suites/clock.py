"""A clock that benchmarks can set: wall time, or the time that an Embedder says one of its stages took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortembed import Embedder


class StageClock:
    """What pytest-benchmark reads before and after a round, in seconds."""

    def __init__(self) -> None:
        """Begin with wall time."""
        self._read: Callable[[], float] = time.perf_counter

    def __call__(self) -> float:
        """Read."""
        return self._read()

    def use_wall_time(self) -> None:
        """Read the time of day from now on."""
        self._read = time.perf_counter

    def use_stages(self, embedder: Embedder, stages: tuple[str, ...]) -> None:
        """Read the sum of some stages of an embedder from now on, such as ("run",)."""

        def read() -> float:
            stats = embedder.stats()
            return sum(getattr(stats, f"{stage}_seconds") for stage in stages)

        self._read = read


CLOCK = StageClock()
