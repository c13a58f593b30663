"""The tables of a run: each row's figures, and how many times as fast ortembed's operators are as the runtime's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.corpora.selection import CORPORA
from bench.figures import figures_of
from bench.report import cosine, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Record = Mapping[str, Any]

JOBS = ("query", *CORPORA)
_HEADER = ("", "instructions", "query p50 (ms)", "short", "mixed", "long (texts/s)", "cosine min / mean")


def figures_table(records: Sequence[Record], counts: Mapping[str, int]) -> str:
    """Give each row's medians, with the slowest and fastest round behind."""
    return rows_of(_HEADER, [_figures_row(record, counts) for record in records])


def _figures_row(record: Record, counts: Mapping[str, int]) -> list[str]:
    figures = figures_of(record, counts)
    rounds = {name: [counts[name] / second for second in round_seconds(record, name)] for name in CORPORA}
    queries = [1000 * second for second in round_seconds(record, "query")]
    return [
        record["label"],
        record["instructions"],
        f"{figures.p50_ms:.2f} ({min(queries):.2f} to {max(queries):.2f})",
        *(
            f"{figures.texts_per_s[name]:.0f} ({min(rounds[name]):.0f} to {max(rounds[name]):.0f})"
            for name in CORPORA
        ),
        f"{cosine(figures.min_cosine)} / {cosine(figures.mean_cosine)}",
    ]


def ratios_table(ours: Record, others: Sequence[Record]) -> str:
    """Give how many times as fast one row is as each other, over rounds: median, least and most."""
    lines = []
    for other in others:
        cells = [_ratio(round_ratios(ours, other, job)) for job in JOBS]
        lines.append([f"{other['label']}, {other['instructions']}", *cells])
    return rows_of((f"{ours['label']}, {ours['instructions']}: times as fast as", *JOBS), lines)


def _ratio(ratios: Sequence[float]) -> str:
    return f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def round_ratios(ours: Record, other: Record, job: str) -> list[float]:
    """Give round by round how many times as fast one is as the other: a round's turns are seconds apart."""
    pairs = zip(round_seconds(ours, job), round_seconds(other, job), strict=True)
    return [slower / faster for faster, slower in pairs]


def round_seconds(record: Record, job: str) -> list[float]:
    """Give each round's seconds: of a corpus, or the median of its queries."""
    if job == "query":
        return [float(np.median(turn["seconds"])) for turn in record["queries"]]
    return [turn["seconds"] for turn in record["corpora"][job]]
