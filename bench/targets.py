"""The project's own goals, each as a ratio within one run, and what the run reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.limits import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.figures import Figures

_SENTENCE_TRANSFORMERS = "sentence-transformers-"


@dataclass(frozen=True)
class Target:
    """A goal: at least, or below, a value; ``reached`` is nan where the run cannot tell."""

    what: str
    least: float | None
    below: float | None
    reached: float
    unit: str

    @property
    def met(self) -> bool | None:
        """Tell whether it is reached; None where the run cannot tell."""
        if math.isnan(self.reached):
            return None
        if self.least is not None:
            return self.reached >= self.least
        return self.below is not None and self.reached < self.below


def targets(figures: list[Figures], result: Mapping[str, Any]) -> list[Target]:
    """Compare our figures with everyone's."""
    by_name = {row.name: row for row in figures}
    ours, small = by_name.get("ours-float32"), by_name.get("ours-int8")
    peers = [row for row in figures if not row.ours]
    pure = [row for row in peers if row.name.startswith("pure-python")]
    float32 = [row for row in peers if row.dtype == "float32"]
    sentence = [row for row in peers if row.name.startswith(_SENTENCE_TRANSFORMERS)]
    rivals = [row for row in sentence if row.dtype == "int8" or "openvino" in row.name]
    found = []
    if ours:
        sentence32 = [row for row in sentence if row.dtype == "float32"]
        found += [
            ratio("float32, single query p50 against the fastest float32 peer", 1.2, _p50(float32), ours.p50_ms),
            ratio("float32, mixed texts against the pure-Python path", 5, _rate(ours), _best(pure)),
            ratio(
                "float32, mixed texts against sentence-transformers' best float32",
                1.7,
                _rate(ours),
                _best(sentence32),
            ),
            Target("float32, mixed texts, part of the machine's limit", 0.7, None, _fraction(ours, result), ""),
        ]
    if small:
        found += [
            ratio("int8, single query p50 against the pure-Python path", 2.8, _p50(pure), small.p50_ms),
            ratio("int8, mixed texts against the pure-Python path", 12, _rate(small), _best(pure)),
            ratio(
                "int8, mixed texts against sentence-transformers with int8 or OpenVINO",
                2,
                _rate(small),
                _best(rivals),
            ),
        ]
    for row, most in ((ours, 250), (small, 160)):
        if row:
            found.append(Target(f"{row.dtype}, import + load + first embedding", None, 0.35, row.ready_s, "s"))
            found.append(Target(f"{row.dtype}, peak memory of the corpus job", None, most, row.peak_mb, "MB"))
    return found


def ratio(what: str, least: float, above: float, under: float) -> Target:
    """Give the goal of a ratio."""
    return Target(what, least, None, above / under, "x")


def _p50(rows: Iterable[Figures]) -> float:
    return min((row.p50_ms for row in rows), default=float("nan"))


def _rate(row: Figures) -> float:
    return row.texts_per_s["mixed"]


def _best(rows: Iterable[Figures]) -> float:
    return max(map(_rate, rows), default=float("nan"))


def _fraction(row: Figures, result: Mapping[str, Any]) -> float:
    if not result["roofline"]:
        return float("nan")
    return next(limit.fraction for limit in limits(row, result) if limit.what == "mixed texts")
