"""What part of the machine's limit each of our figures reaches, the limit measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.roofline import arithmetic_seconds, query_seconds, read_peaks
from bench.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.figures import Figures


@dataclass(frozen=True)
class Limit:
    """A figure of ours beside the machine's limit; ``fraction`` is how much of the limit is reached."""

    what: str
    reached: str
    limit: str
    fraction: float


def limits(figures: Figures, result: Mapping[str, Any]) -> list[Limit]:
    """Compare one engine's figures with the limit for as many cores as were used."""
    peaks = read_peaks(result["roofline"])
    loads = {name: Workload(**load) for name, load in result["texts"].items()}
    query = 1000 * query_seconds(loads.pop("queries"), peaks, figures.dtype)
    found = [Limit("single query, p50", f"{figures.p50_ms:.2f} ms", f"{query:.2f} ms", query / figures.p50_ms)]
    for name, load in loads.items():
        most = load.texts / arithmetic_seconds(load, peaks, figures.dtype)
        reached = figures.texts_per_s[name]
        found.append(Limit(f"{name} texts", f"{reached:.0f}/s", f"{most:.0f}/s", reached / most))
    return found
