"""The figures of an engine, from every repeat that a run recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.corpora.selection import CORPORA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PARTS = ("import_seconds", "load_seconds", "first_seconds")


@dataclass(frozen=True)
class Figures:
    """One row of the table. Medians over repeats; percentiles over all queries; nan for what was not measured."""

    name: str
    label: str
    dtype: str
    ours: bool
    import_s: float
    load_s: float
    first_ms: float
    ready_s: float  # import, load and first embedding together
    p50_ms: float
    p95_ms: float
    p99_ms: float
    texts_per_s: Mapping[str, float]  # by corpus
    tokenized_per_s: float  # texts of the mixed corpus, tokenized before
    peak_mb: float  # of the process that embeds the corpora, after the mixed one
    cpu_ms_per_text: float  # of the mixed corpus
    idle_cores: float  # busy while idle, right after a query
    min_cosine: float
    mean_cosine: float


def figures_of(record: Mapping[str, Any], counts: Mapping[str, int]) -> Figures:
    """Sum up an engine's record; ``counts`` has the number of texts of each corpus."""
    starts, queries, corpora = record["starts"], record["queries"], record["corpora"]
    seconds = [1000 * second for turn in queries for second in turn["seconds"]]
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99]) if seconds else [np.nan] * 3
    mixed = corpora["mixed"]
    agreement = record["agreement"] or {"min_cosine": np.nan, "mean_cosine": np.nan}
    return Figures(
        name=record["name"],
        label=record["label"],
        dtype=record["dtype"],
        ours=record["ours"],
        import_s=median([start["import_seconds"] for start in starts]),
        load_s=median([start["load_seconds"] for start in starts]),
        first_ms=1000 * median([start["first_seconds"] for start in starts]),
        ready_s=median([sum(start[part] for part in _PARTS) for start in starts]),
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        texts_per_s={name: median([counts[name] / turn["seconds"] for turn in corpora[name]]) for name in CORPORA},
        tokenized_per_s=counts["mixed"] / median([time for time in record.get("tokenized", []) if time is not None]),
        peak_mb=mixed[-1]["peak_rss_mb"] if mixed else np.nan,
        cpu_ms_per_text=1000 * median([turn["cpu_seconds"] for turn in mixed]) / max(1, counts["mixed"]),
        idle_cores=median([turn["idle_cores"] for turn in queries]),
        min_cosine=agreement["min_cosine"],
        mean_cosine=agreement["mean_cosine"],
    )


def all_figures(result: Mapping[str, Any]) -> list[Figures]:
    """Give the figures of the engines that took part to the end."""
    counts = {name: load["texts"] for name, load in result["texts"].items()}
    return [figures_of(record, counts) for record in result["engines"] if not record["failure"]]


def median(values: Sequence[float]) -> float:
    """Give the median; nan of nothing."""
    return float(np.median(values)) if values else float("nan")
