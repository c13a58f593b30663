"""What the machine could do at most, from the rates measured in the same run, and what part of that ours reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def limit_seconds(load: Mapping[str, float], dtype: str, rates: Mapping[str, float]) -> float:
    """Give the least time for a workload: matrix products at the dtype's peak rate, attention at float32's."""
    float32 = rates["float32_gflops"] * 1e9
    matmul = rates["int8_gops"] * 1e9 if dtype == "int8" else float32
    return load["matmul_flop"] / matmul + load["attention_flop"] / float32


def limits(figures: Figures, result: Mapping[str, Any]) -> list[Limit]:
    """Compare one engine's figures with the limit for as many cores as were used."""
    rates = result["roofline"]["used"]
    found = []
    loads = result["texts"]
    query = 1000 * limit_seconds(loads["queries"], figures.dtype, rates) / loads["queries"]["texts"]
    found.append(Limit("single query, p50", f"{figures.p50_ms:.2f} ms", f"{query:.2f} ms", query / figures.p50_ms))
    for name, reached in figures.texts_per_s.items():
        most = loads[name]["texts"] / limit_seconds(loads[name], figures.dtype, rates)
        found.append(Limit(f"{name} texts", f"{reached:.0f}/s", f"{most:.0f}/s", reached / most))
    return found
