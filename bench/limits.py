"""What part of the machine's limit each of our figures reaches, the limit measured in the same run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.roofline import arithmetic_seconds, query_seconds, read_peaks
from bench.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.figures import Figures

QUERY = "single query, p50"
MIXED = "mixed texts"
TOKENIZED = "mixed texts, tokenized before"


@dataclass(frozen=True)
class Limit:
    """A figure of ours beside the machine's limit: milliseconds of a query, texts a second of a corpus."""

    what: str
    reached: float
    limit: float

    @property
    def fraction(self) -> float:
        """How much of the limit is reached."""
        return self.limit / self.reached if self.what == QUERY else self.reached / self.limit

    def in_words(self, value: float) -> str:
        """Write a figure with its unit."""
        return f"{value:.2f} ms" if self.what == QUERY else f"{value:.0f}/s"


def limits(figures: Figures, result: Mapping[str, Any]) -> list[Limit]:
    """Compare one engine's figures with the limit for as many cores as were used; nothing where that is not known."""
    if not result["roofline"]:
        return []
    peaks = read_peaks(result["roofline"])
    loads = {name: Workload(**load) for name, load in result["texts"].items()}
    query = 1000 * query_seconds(loads.pop("queries"), peaks, figures.dtype)
    found = [Limit(QUERY, figures.p50_ms, query)]
    for name, load in loads.items():
        most = load.texts / arithmetic_seconds(load, peaks, figures.dtype)
        found.append(Limit(f"{name} texts", figures.texts_per_s[name], most))
        if name == "mixed" and not math.isnan(figures.tokenized_per_s):
            found.append(Limit(TOKENIZED, figures.tokenized_per_s, most))
    return found
