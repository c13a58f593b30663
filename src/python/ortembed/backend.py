"""What an engine runs on, as plain values: providers, the shapes of batches, and how large these may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OpenBucket = Callable[[int, int, Callable[[Path | None], None]], object]

# Padded tokens that run together on one core: its working memory, times the cores, bounds that of any job. 256 to
# 1,024 run equally fast; 512 took 13 MB more. Two texts of 512 tokens do not fit, so long ones run alone, unpadded.
_MAX_BATCH_TOKENS = 384
# On an accelerator, which runs one batch at a time. Not measured: no such machine was at hand.
_MAX_BATCH_TOKENS_OF_ACCELERATORS = 4096


@dataclass(frozen=True)
class Backend:
    """The CPU alone, unless said otherwise.

    Attributes:
        providers: Others than the CPU, as the native Engine takes them.
        buckets: (texts, tokens) of the only batches that run; none for batches of any shape.
        open_bucket: As the native Engine takes it.
        may_use_cpu: For buckets that fail, and texts longer than all of them.
    """

    providers: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    buckets: tuple[tuple[int, int], ...] = ()
    open_bucket: OpenBucket | None = None
    may_use_cpu: bool = True

    @property
    def max_batch_tokens(self) -> int:
        """Padded tokens that run together."""
        return _MAX_BATCH_TOKENS_OF_ACCELERATORS if self.providers else _MAX_BATCH_TOKENS


ON_CPU = Backend()
